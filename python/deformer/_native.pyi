# SPDX-License-Identifier: Apache-2.0
# What the package shows of the compiled module; its functions are for the files beside it.
class Error(ValueError): ...

version: str

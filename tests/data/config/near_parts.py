# Keys that are near to those of parts that any config may have, which this one lacks.
ruler = 1
date = 2
optimiser = 3
lr_configs = 4
train_cfgs = 5

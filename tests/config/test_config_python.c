/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/config/test_config_python.c -- what a Python config must not hold, and how that is said. What it may hold is in
 * tests/data/config/values.py.
 */
#include "config/config.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct { const char *text, *words; } Case;

static void expect_refused(const char *text, size_t size, bool python, const char *words)
{
    DfConfig *config = NULL;
    cr_assert_lt(df_config_parse(&config, text, size, "a.py", python), 0, "read: %.60s", text);
    cr_expect_not_null(strstr(df_error(), words), "%.60s: %s", text, df_error());
    cr_expect_null(config);
}

static void expect_all_refused(const Case *cases, size_t n, bool python)
{
    for (size_t i = 0; i < n; i++)
        expect_refused(cases[i].text, strlen(cases[i].text), python, cases[i].words);
}
#define REFUSED(cases, python) expect_all_refused(cases, sizeof cases / sizeof *cases, python)

/* Functions and what a file does as a program. */
Test(config_python, programs_are_passed_over)
{
    static const char text[] = "a = 1\n"
                               "def f(x,\n      y=[2]) -> int:  # (\n"
                               "    \"\"\"A text, (not\nindented.\"\"\"\n"
                               "\n"
                               "# between its lines\n"
                               "    if x != y @ 3: return {'b': (\n4)}\n"
                               "    return x\\\n+ 1\n"
                               "b = 2\n"
                               "def g(): return 1\n"
                               "c = 3\n"
                               "if __name__ == '__main__':\n\tf(1)\n";
    DfConfig *config;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "a.py", true), DF_OK, "%s", df_error());
    const DfNode *root = df_config_root(config);
    cr_expect_eq(root->n, 3);
    cr_expect_eq(df_node_int(df_node_get(root, "a"), 0), 1);
    cr_expect_eq(df_node_int(df_node_get(root, "b"), 0), 2);
    cr_expect_eq(df_node_int(df_node_get(root, "c"), 0), 3);
    df_config_free(config);
}

Test(config_python, nothing_is_executed)
{
    static const Case cases[] = {
        { "a = 1\nimport os\nb = os.getcwd()\n", "a.py:3: met '(', want no call: config files are data" },
        { "from os import path\nb = path('x')\n", "path(..) is not supported" },
        { "from .os import path", "only a config file can have a base" },
        { "with read_base():\n    from .a import *\n", "only a config file can have a base" },
        { "with open('x'):\n    a = 1\n", "'with' is not supported" },
        { "if True:\n    a = 1\n", "'if' is not supported" },
        { "for x in y: pass", "'for' is not supported" },
        { "def f(): pass\na = f()\n", "a.py:2: f(..) is not supported" },
        { "def f(): pass\na = f\n", "a.py:2: the name 'f' is not defined" },
        { "def f():\n    return '''\nb = 1\n", "a.py:2: the file ends inside the text that begins here" },
        { "class A:\n    pass\n", "'class' is not supported" },
        { "a = open('/etc/passwd')", "a.py:1: open(..) is not supported" },
        { "a = __import__('os')", "__import__(..) is not supported" },
        { "a = 'x'.format(1)", "met 'format', want no attribute" },
        { "a = dict(b=1)\nc = a.b.c\n", "a.py:2: met 'c', want no attribute" },
        { "a = dict(b=1)\na.keys()\n", "met 'keys', want update(..)" },
        { "a = dict(b=1)\na['b']['c'] = 2\n", "no dict or list here that could be changed" },
        { "a = b'x'", "bytes are not supported" },
        { "a = f'{open(1)}'", "a.py:1: open(..) is not supported" },
        { "a = f'{b}'", "a.py:1: the name 'b' is not defined" },
        { "a = lambda: 1", "the name 'lambda' is not defined" },
        { "a = 1 if True else 2", "met 'if', want the end of the line" },
        { "a = 1 == 1", "met '==', want the end of the line" },
        { "a += 1", "met 'a', want NAME = VALUE" },
        { "  a = 1", "an indented statement" },
        { "a = {1, 2}", "met ',', want ':' and the value" },
        { "a = (x for x in [1])", "a generator in parentheses" },
        { "a = [x for x in [1] if x]", "no 'if' here" },
        { "a = [x for x in 3]", "wants a list, a dict or a range" },
        { "a = {x: 1 for x in [1] if x}", "no 'if' here" },
    };
    REFUSED(cases, true);
}

Test(config_python, broken_syntax)
{
    static const Case cases[] = {
        { "a = ", "ends here, want a value" },
        { "a = [1, 2", "ends here, want ',' or ']'" },
        { "a = [1 2]", "met '2', want ',' or ']'" },
        { "\n\na = dict(b=1\n", "a.py:4: the text ends here" },
        { "a = dict(1)", "dict() wants key=value" },
        { "a = dict(b=1, c)", "met 'c', want key=value" },
        { "a = dict(b=1, b=2)", "given the key 'b' twice" },
        { "b = dict(c=1)\na = dict(c=1, **b)", "a.py:2: dict() is given the key 'c' twice" },
        { "a = 'x", "the file ends inside the text" },
        { "a = 'x\ny'", "a.py:1: the line ends inside a string" },
        { "a = '''x\ny''", "a.py:1: the file ends inside the text" },
        { "a = '\\ud800'", "contains an invalid escape" },
        { "a = '\\x4'", "contains an invalid escape" },
        { "a = '\\0'", "contains an invalid escape" },
        { "a = 012", "'012' is not a number in Python" },
        { "a = 1_", "is not a number in Python" },
        { "a = 1__0", "is not a number in Python" },
        { "a = 0x", "is not a number in Python" },
        { "a = 0b12", "is not a number in Python" },
        { "a = 1e", "is not a number in Python" },
        { "a = 1.2.3", "is not a number in Python" },
        { "a = 3j", "is not a number in Python" },
        { "a = $", "a character that a config file cannot contain" },
        { "a = \xc3\xa9", "a letter outside ASCII" },
        { "b = 1\na = '\xff'", "a.py:2: the line is not valid UTF-8" },
        { "a, b = 1, 2, 3", "2 names on the left" },
        { "a, b = 5", "2 names on the left" },
        { "del a", "the name 'a' is not defined" },
        { "a = 1 b = 2", "met 'b', want the end of the line" },
        { "_base_ = 'x.py'", "only a config file can have a _base_" },
        { "a = {{ _base_.b }}", "a.py:1: key 'a': {{ _base_.b }}: the file names no _base_" },
        { "a = {{ _base_.b }", "a.py:1: the name '_base_' is not defined" },
        { "a = f'{1'", "a.py:1: a text ends within {..}, want '}'" },
        { "a = f'1}'", "a.py:1: a single '}' in a text with values" },
        { "a = f'{}'", "a.py:1: the text ends here, want a value" },
        { "a = f'{1 2}'", "a.py:1: met '2', want '}'" },
        { "a = f'{1!a}'", "want !s or !r" },
        { "a = f'{1!r:5}'", "cannot be written in this format" },
        { "a = f'{1:{2}}'", "this format is not supported" },
        { "a = f'{1:,}'", "this format is not supported" },
        { "a = f'{1:1001}'", "this format is not supported" },
        { "a = f'{1.5:d}'", "cannot be written in this format" },
        { "a = f\"{'a':d}\"", "cannot be written in this format" },
        { "a = f'{[1]:5}'", "cannot be written in this format" },
        { "a = fb'x'", "bytes are not supported" },
        { "a = [x for x, y in [1]]", "2 loop variables, want lists of 2 values" },
        { "a = [x for 3 in [1]]", "want the name of a loop variable" },
        { "a = [x for x of [1]]", "met 'of', want 'in' and a list" },
        { "a = [x for (x in [1]]", "want ')'" },
        { "a = {x for x in [1]}", "want ':' and the value" },
        { "a = zip(1)", "zip() wants lists" },
        { "a = enumerate(1)", "enumerate() wants a list" },
        { "a = str()", "str() wants one value" },
    };
    REFUSED(cases, true);
    expect_refused("a = 'x\0y'", 9, true, "a zero byte inside a string");
}

Test(config_python, values_that_do_not_exist)
{
    static const Case cases[] = {
        { "num_classes = 3\na = num_clases", "a.py:2: the name 'num_clases' is not defined; did you mean 'num_classes'?" },
        { "a = 9223372036854775808", "does not fit into 64 bits" },
        { "a = 9223372036854775807 + 1", "does not fit into 64 bits" },
        { "a = 4611686018427387904 * 4", "does not fit into 64 bits" },
        { "a = 10 ** 19", "does not fit into 64 bits" },
        { "a = 2 ** 1000000000000", "does not fit into 64 bits" },
        { "a = 1 / 0", "division by zero" },
        { "a = 1 // 0", "division by zero" },
        { "a = 1.5 % 0", "division by zero" },
        { "a = (-8) ** 0.5", "no finite real number" },
        { "a = 10.0 ** 400", "no finite real number" },
        { "a = 'x' + 1", "cannot compute a string + an integer" },
        { "a = [1] + (2,)", "cannot compute a list + a tuple" },
        { "a = dict() * 2", "cannot compute a dict * an integer" },
        { "a = None + 1", "cannot compute None + an integer" },
        { "a = -'x'", "a minus sign wants a number" },
        { "a = 'x' * 100000000", "too long" },
        { "a = [0] * 100000000", "more than 1000000 values" },
        { "a = [0]\na = a * 1000\na = a * 1000\na = a * 1000\n", "more than 1000000 values" },
        { "a = [1][3]", "the list has no such item" },
        { "a = dict(b=1)['c']", "the dict has no such key" },
        { "a = [1]['c']", "want dict['key'] or list[number]" },
        { "a = '%d' % 'x'", "want a string with %s and %d" },
        { "a = '%100000000d' % 1", "want a string with %s and %d" },
        { "a = '%s' % (1, 2)", "more values than places" },
        { "a = list(range(10000000))", "more than 1000000 values" },
        { "a = range(1, 2, 0)", "a step of zero" },
        { "a = {None: 1}", "None as a key, want a string" },
    };
    REFUSED(cases, true);
}

/* `n` copies of `open` between `before` and `after`. */
static char *deep(const char *before, const char *open, size_t n, const char *after)
{
    const size_t start = strlen(before), step = strlen(open);
    char *text = malloc(start + n * step + strlen(after) + 1);
    cr_assert_not_null(text);
    memcpy(text, before, start + 1);
    for (size_t i = 0; i < n; i++)
        memcpy(text + start + i * step, open, step);
    memcpy(text + start + n * step, after, strlen(after) + 1);
    return text;
}

Test(config_python, depth_is_bounded)
{
    static const struct { const char *before, *open, *after; bool python; } cases[] = {
        { "a = ", "[", "", true },       { "a = ", "(", "", true },           { "a = ", "-", "1", true },
        { "a = ", "dict(b=", "", true }, { "a = ", "{1:", "", true },         { "a = 1", " ** 1", "", true },
        { "a = 1\n", "a = [a]\n", "", true }, { "{\"a\": ", "[", "", false }, { "a = ", "[x for x in ", "", true },
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *text = deep(cases[i].before, cases[i].open, 100000, cases[i].after);
        DfConfig *config = NULL;
        cr_expect_lt(df_config_parse(&config, text, strlen(text), "deep.py", cases[i].python), 0, "case %zu", i);
        free(text);
    }
}

Test(config_json, broken_files)
{
    static const Case cases[] = {
        { "[1]", "want an object" },
        { "{\"a\": 1,\n \"b\": }", "line 2" },
        { "{\"a\": 1", "" },
        { "{\"a\": 1} x", "" },
        { "", "" },
        { "{\"a\":\n{{ _base_.b }}}", "key 'a': {{ _base_.b }}: the file names no _base_" },
        { "{\"b\": \"\\\"{{\",\n\"a\": \"{{ _base_.b }}\"}", ":2: {{ _base_.key }} inside a string, want it alone, without quotes" },
        { "{\"a\": {{ _base_.b }", "" },
        { "{{{ _base_.b }}: 1}", "{{ _base_.b }} inside a string or key" },
        { "{\"_base_\": \"x.json\"}", "only a config file can have a _base_" },
    };
    REFUSED(cases, false);
}

Test(config_json, nodes_know_their_place)
{
    static const char text[] = "{\"a\": 1,\n \"b\": {\"c\": [1,\n 2.5]}}";
    DfConfig *config = NULL;
    cr_assert_eq(df_config_parse(&config, text, strlen(text), "a.json", false), DF_OK, "%s", df_error());
    const DfNode *item = df_node_at(df_config_root(config), "b.c.1");
    cr_assert_not_null(item);
    df_node_fail(item, DF_EVALUE, "want %d", 7);
    cr_expect_str_eq(df_error(), "a.json:3: key 'b.c.1': want 7");
    cr_expect_null(df_node_at(df_config_root(config), "b.c.2"));
    cr_expect_null(df_node_at(df_config_root(config), "b..c"));
    cr_expect_null(df_node_at(df_config_root(config), "a.b"));
    df_config_free(config);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/help.c -- what --help prints: of all commands, of one, and of one thing that a command does (`metric coco`).
 */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

enum { COLUMN = 26, WIDTH = 80 }; /* of the help of options */

/* The text in lines that end before WIDTH and begin at `indent`, where the first of them has already begun. */
static void print_wrapped(const char *text, int indent)
{
    int column = indent;
    while (*text) {
        const int length = (int)strcspn(text, " ");
        if (column > indent && column + 1 + length > WIDTH) {
            printf("\n%*s", indent, "");
            column = indent;
        }
        column += printf("%s%.*s", column > indent ? " " : "", length, text);
        text += length;
        text += strspn(text, " ");
    }
    printf("\n");
}

/* `thing` NULL: all. A heading says for whom the rows below it are. */
static void print_options(const CliOption *options, const char *thing)
{
    bool others = false;
    for (; options && options->kind != CLI_END; options++) {
        if (options->kind == CLI_HEADING) {
            others = thing && options->value && !cli_has_word(options->value, thing);
            if (!others)
                printf("\n%s:\n", options->help);
            continue;
        }
        if (others)
            continue;
        const int length =
            printf("  %s%s%s", options->name, options->value ? " " : "", options->value ? options->value : "");
        if (length + 2 > COLUMN)
            printf("\n%*s", COLUMN, "");
        else
            printf("%*s", COLUMN - length, "");
        print_wrapped(options->help, COLUMN);
    }
}

/* The word behind "deformer COMMAND " at the beginning of a line, *length letters long; NULL: it begins otherwise. */
static const char *thing_of(const CliCommand *command, const char *line, size_t *length)
{
    static const char program[] = "deformer ";
    const size_t n = strlen(command->name);
    const char *word = line + sizeof program - 1;
    if (strncmp(line, program, sizeof program - 1) != 0 || strncmp(word, command->name, n) != 0 || word[n] != ' ')
        return NULL;
    word += n + 1;
    *length = strcspn(word, " \n");
    return word;
}

static bool is_of(const char *word, size_t length, const char *thing)
{
    return strlen(thing) == length && strncmp(word, thing, length) == 0;
}

static bool is_thing(const CliCommand *command, const char *word)
{
    size_t length;
    for (const char *line = command->details; word && line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        const char *named = thing_of(command, line, &length);
        if (named && is_of(named, length, word))
            return true;
    }
    return false;
}

/* Lines without those of other things, which go on as long as lines are indented. */
static void print_lines(const CliCommand *command, const char *text, const char *thing)
{
    bool others = false;
    while (*text) {
        size_t length;
        const size_t n = strcspn(text, "\n");
        const char *named = thing_of(command, text, &length);
        if (named || *text != ' ')
            others = thing && named && !is_of(named, length, thing);
        if (!others)
            printf("%.*s\n", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

static void print_examples(const CliCommand *command, const char *thing)
{
    bool begun = false;
    for (const char *text = command->examples; *text;) {
        const char *end = text + strcspn(text, "\n");
        while (end > text && end[0] && end[-1] == '\\')     /* a line that goes on */
            end += 1 + strcspn(end + 1, "\n");
        size_t length;
        const char *named = thing_of(command, text + strspn(text, " "), &length);
        if (!thing || (named && is_of(named, length, thing))) {
            printf("%s%.*s\n", begun ? "" : "\nExamples:\n", (int)(end - text), text);
            begun = true;
        }
        text = end + (*end == '\n');
    }
}

static void print_command_help(const CliCommand *command, const char *thing)
{
    printf("deformer %s - %s\n\nUsage: deformer %s %s\n", command->name, command->summary, command->name,
           command->synopsis);
    if (command->details) {
        printf("\n");
        print_lines(command, command->details, thing);
    }
    if (command->options && command->options->kind != CLI_END) {
        if (command->options->kind != CLI_HEADING)
            printf("\nOptions:\n");
        print_options(command->options, thing);
    }
    printf("\nCommon options:\n");
    print_options(cli_common_options, NULL);
    if (command->examples)
        print_examples(command, thing);
}

void cli_print_help(const CliCommand *command, const char *word)
{
    if (command) {
        print_command_help(command, is_thing(command, word) ? word : NULL);
        return;
    }
    printf("deformer - run, score and compare object detection and segmentation networks\n\n"
           "Usage: deformer COMMAND [ARGUMENT]... [OPTION]...\n\nCommands:\n");
    for (int i = 0; cli_commands[i]; i++)
        printf("  %-9s %s\n", cli_commands[i]->name, cli_commands[i]->summary);
    printf("\nCommon options:\n");
    print_options(cli_common_options, NULL);
    printf("\nRun `deformer COMMAND --help` or `deformer help COMMAND` to read about one command.\n"
           "CONFIG is a config file or the name of a ready config (`deformer list configs`).\n"
           "Exit status: 0 success, 1 error, 2 wrong command line.\n");
}

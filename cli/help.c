/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/help.c -- prints the help of the program, of one command, or of one subcommand (`metric coco`).
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

/* Prints the options of one subcommand, or all (NULL). A heading names the subcommands of the options below it. */
static void print_options(const CliOption *options, const char *subcommand)
{
    bool skip = false;
    for (; options && options->kind != CLI_END; options++) {
        if (options->kind == CLI_HEADING) {
            skip = subcommand && options->value && !cli_has_word(options->value, subcommand);
            if (!skip)
                printf("\n%s:\n", options->help);
            continue;
        }
        if (skip)
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

/* The word after "deformer COMMAND " at the start of a line, *length bytes long; NULL if the line starts otherwise. */
static const char *subcommand_in(const CliCommand *command, const char *line, size_t *length)
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

static bool is_named(const char *word, size_t length, const char *subcommand)
{
    return strlen(subcommand) == length && strncmp(word, subcommand, length) == 0;
}

static bool is_subcommand(const CliCommand *command, const char *word)
{
    size_t length;
    for (const char *line = command->details; word && line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
        const char *named = subcommand_in(command, line, &length);
        if (named && is_named(named, length, word))
            return true;
    }
    return false;
}

/* Prints lines, except the paragraphs of other subcommands: a line "deformer COMMAND WORD" and the indented lines after
 * it. */
static void print_lines(const CliCommand *command, const char *text, const char *subcommand)
{
    bool skip = false;
    while (*text) {
        size_t length;
        const size_t n = strcspn(text, "\n");
        const char *named = subcommand_in(command, text, &length);
        if (named || *text != ' ')
            skip = subcommand && named && !is_named(named, length, subcommand);
        if (!skip)
            printf("%.*s\n", (int)n, text);
        text += n + (text[n] == '\n');
    }
}

static void print_examples(const CliCommand *command, const char *subcommand)
{
    bool begun = false;
    for (const char *text = command->examples; *text;) {
        const char *end = text + strcspn(text, "\n");
        while (end > text && end[0] && end[-1] == '\\')     /* the next line continues it */
            end += 1 + strcspn(end + 1, "\n");
        size_t length;
        const char *named = subcommand_in(command, text + strspn(text, " "), &length);
        if (!subcommand || (named && is_named(named, length, subcommand))) {
            printf("%s%.*s\n", begun ? "" : "\nExamples:\n", (int)(end - text), text);
            begun = true;
        }
        text = end + (*end == '\n');
    }
}

static void print_command_help(const CliCommand *command, const char *subcommand)
{
    printf("deformer %s - %s\n\nUsage: deformer %s %s\n", command->name, command->summary, command->name,
           command->synopsis);
    if (command->details) {
        printf("\n");
        print_lines(command, command->details, subcommand);
    }
    if (command->options && command->options->kind != CLI_END) {
        if (command->options->kind != CLI_HEADING)
            printf("\nOptions:\n");
        print_options(command->options, subcommand);
    }
    printf("\nCommon options:\n");
    print_options(cli_common_options, NULL);
    if (command->examples)
        print_examples(command, subcommand);
}

void cli_print_help(const CliCommand *command, const char *word)
{
    if (command) {
        print_command_help(command, is_subcommand(command, word) ? word : NULL);
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

/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/main.c -- the program: finds the command, reads its options, runs it, and prints its error.
 */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CLI_COMMAND(name) extern const CliCommand cli_command_##name;
#include "cli/list.def"
#undef CLI_COMMAND

const CliCommand *const cli_commands[] = {
#define CLI_COMMAND(name) &cli_command_##name,
#include "cli/list.def"
#undef CLI_COMMAND
    NULL
};

enum { USAGE = 2 };

CliCommon cli;
static bool wants_help, wants_version;

const CliOption cli_common_options[] = {
    CLI_OPT_INT("--threads", cli.threads, "N", 1, 1024,
                "number of threads; default: DEFORMER_THREADS, else OMP_NUM_THREADS, else all CPUs"),
    CLI_OPT_SET("--set", "KEY=VALUE",
                "set a value of the config, such as model.test_cfg.score_thr=0.3; may be repeated"),
    CLI_OPT_FLAG("--quiet", cli.quiet, "show warnings and errors only, and no progress"),
    CLI_OPT_FLAG("--help", wants_help, "show this help; also -h"),
    CLI_OPT_FLAG("--version", wants_version, "show the version"),
    CLI_OPT_END
};

/* ---- arguments --------------------------------------------------------------------------------------------------- */

static const CliOption *find_option(const CliOption *options, const char *name, size_t length)
{
    for (; options && options->kind != CLI_END; options++)
        if (strlen(options->name) == length && strncmp(options->name, name, length) == 0)
            return options;
    return NULL;
}

static int unknown_option(const CliCommand *command, const char *text)
{
    const char *names[64];
    size_t n = 0;
    for (const CliOption *o = command->options; o && o->kind != CLI_END && n < 48; o++)
        if (o->kind != CLI_HEADING)
            names[n++] = o->name;
    for (const CliOption *o = cli_common_options; o->kind != CLI_END; o++)
        names[n++] = o->name;
    const char *nearest = df_nearest_name(text, names, n);
    cli_say("deformer %s: unknown option '%s'%s%s%s", command->name, text, nearest ? "; did you mean '" : "",
            nearest ? nearest : "", nearest ? "'?" : "");
    return USAGE;
}

static bool in_range(const CliOption *option, double value)
{
    return option->min <= value && value <= option->max;
}

static bool add_text(CliTexts *texts, const char *value)
{
    if (!*value || texts->n == CLI_MOST_TEXTS)
        return false;
    texts->v[texts->n++] = value;
    return true;
}

static bool set_value(const CliOption *option, const char *value)
{
    char *end = NULL;
    errno = 0;
    switch (option->kind) {
    case CLI_FLAG:
        *(bool *)option->to = true;
        return true;
    case CLI_INT:
        *(long *)option->to = strtol(value, &end, 10);
        return *value && !*end && !errno && in_range(option, (double)*(long *)option->to);
    case CLI_FLOAT:
        *(double *)option->to = strtod(value, &end);
        return *value && !*end && in_range(option, *(double *)option->to);
    case CLI_TEXT:
        if (!*value)
            return false;
        if (option->to)
            memcpy(option->to, &value, sizeof value);
        else
            cli.set[cli.n_set++] = value;
        return true;
    case CLI_TEXTS:
        return add_text(option->to, value);
    case CLI_HEADING:
    case CLI_END:
        break;
    }
    return false;
}

static int wrong_value(const CliCommand *command, const CliOption *option, const char *value)
{
    char range[80] = "";
    if (option->kind == CLI_INT && option->max > 1e9)
        snprintf(range, sizeof range, " of at least %.10g", option->min);
    else if (option->kind == CLI_INT || option->kind == CLI_FLOAT)
        snprintf(range, sizeof range, " from %.10g to %.10g", option->min, option->max);
    const char *number = option->kind == CLI_INT ? ", a whole number" : option->kind == CLI_FLOAT ? ", a number" : "";
    cli_say("deformer %s: %s wants %s%s%s%s%s%s", command->name, option->name,
            option->value ? option->value : "no value", number, range, value ? ", not '" : "", value ? value : "",
            value ? "'" : "");
    return USAGE;
}

static void note_given(const CliOption *option)
{
    for (int i = 0; i < cli.n_given; i++)
        if (cli.given[i] == option->name)
            return;
    if (cli.n_given < CLI_MOST_GIVEN)
        cli.given[cli.n_given++] = option->name;
}

/* Reads options; positional arguments are left in args. Returns 0 or USAGE. */
static int read_arguments(const CliCommand *command, int argc, char **argv, const char **args, int *n)
{
    bool only_names = false; /* behind "--" */
    for (int i = 0; i < argc; i++) {
        const char *text = argv[i], *equals = strchr(text, '=');
        if (!only_names && strcmp(text, "--") == 0) {
            only_names = true;
            continue;
        }
        if (text[0] == 0) {
            fprintf(stderr, "deformer %s: an argument is empty, want %s\n", command->name, command->synopsis);
            return USAGE;
        }
        if (only_names || text[0] != '-' || text[1] == 0) {
            args[(*n)++] = text;
            continue;
        }
        if (strcmp(text, "-h") == 0)
            text = "--help";
        const size_t length = equals ? (size_t)(equals - text) : strlen(text);
        const CliOption *option = find_option(command->options, text, length);
        if (option)
            note_given(option);
        else
            option = find_option(cli_common_options, text, length);
        if (!option)
            return unknown_option(command, text);
        const char *value = NULL;
        if (equals)
            value = equals + 1;
        else if (option->kind == CLI_FLAG)
            value = "";
        else if (i + 1 < argc)
            value = argv[++i];
        if (!value || (option->kind == CLI_FLAG && equals) || (!option->to && cli.n_set == CLI_SETS) ||
            !set_value(option, value))
            return wrong_value(command, option, value);
    }
    return 0;
}

/* ---- log and interrupts ------------------------------------------------------------------------------------------ */

static void log_line(void *user, DfLogLevel level, const char *line)
{
    (void)user;
    if (cli.quiet && level != DF_LOG_WARNING)
        return;
    cli_line_erase();
    fprintf(stderr, "%s\n", line);
}

/* Free of locks, as what a handler of signals touches must be. */
static atomic_int interrupts;
static atomic_bool asked; /* the command looks for interrupts, from any of its threads, to finish what is begun */

static void on_interrupt(int signal)
{
    if (atomic_load(&asked) && atomic_fetch_add(&interrupts, 1) == 0)
        return;
    df_writers_abandon();
    _exit(128 + signal);
}

/* Who started the program may have it ignore a signal: nohup does, and a shell for what runs in its background. */
static void listen_to_signals(void)
{
    static const int interrupting[] = { SIGINT, SIGTERM, SIGHUP, SIGXCPU };
    struct sigaction interrupt = { .sa_handler = on_interrupt, .sa_flags = SA_RESTART }; /* writing goes on behind it */
    struct sigaction before;
    sigemptyset(&interrupt.sa_mask);
    for (size_t i = 0; i < sizeof interrupting / sizeof *interrupting; i++)
        if (sigaction(interrupting[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
            sigaction(interrupting[i], &interrupt, NULL);
    signal(SIGPIPE, SIG_IGN); /* writing fails instead, with a sentence */
    signal(SIGXFSZ, SIG_IGN);
}

bool cli_interrupted(void)
{
    atomic_store(&asked, true);
    return atomic_load(&interrupts) > 0;
}

/* ---- ready configs ----------------------------------------------------------------------------------------------- */

/* DEFORMER_CONFIGS, else those installed beside the program, else those of the sources in which it was built. */
static void find_ready_configs(void)
{
    char installed[4096], sources[4096];
    char *program = df_program_folder();
    snprintf(installed, sizeof installed, "%s/../share/deformer/configs", program ? program : "");
    snprintf(sources, sizeof sources, "%s/../configs", program ? program : "");
    df_free(program);
    const char *told = getenv("DEFORMER_CONFIGS");
    const char *folder = df_is_directory(installed) ? installed : sources;
    if (told && told[0])
        folder = told;
    df_config_ready_folders(&folder, 1);
}

static const CliCommand *find_command(const char *name)
{
    for (int i = 0; cli_commands[i]; i++)
        if (strcmp(cli_commands[i]->name, name) == 0)
            return cli_commands[i];
    return NULL;
}

static int no_command(const char *name)
{
    const char *names[32];
    size_t n = 0;
    for (; cli_commands[n]; n++)
        names[n] = cli_commands[n]->name;
    const char *nearest = df_nearest_name(name, names, n);
    cli_say("deformer: no command '%s'%s%s%s (`deformer --help` lists the commands)", name,
            nearest ? "; did you mean '" : "", nearest ? nearest : "", nearest ? "'?" : "");
    return USAGE;
}

static bool is_checkpoint(const char *text)
{
    static const char *const endings[] = { ".pth", ".pt", ".bin", ".safetensors", ".pkl", ".ckpt", ".index.json" };
    for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
        if (df_ends_with(text, endings[i]))
            return true;
    return strcmp(text, "random") == 0 || df_starts_with(text, "random:") || df_is_model_folder(text);
}

/* The folder of a model has its own weights: CHECKPOINT may be left out, and is the folder. args[] has room. */
static int put_checkpoint(const CliCommand *command, const char **args, int n)
{
    const bool left_out = n < 2 || n < command->least || !is_checkpoint(args[1]);
    if (n < 1 || !df_starts_with(command->synopsis, "CONFIG CHECKPOINT") || !df_is_model_folder(args[0]) || !left_out)
        return n;
    memmove(args + 2, args + 1, (size_t)(n - 1) * sizeof *args);
    args[1] = args[0];
    return n + 1;
}

/* A misspelt variable is said whether the command would have asked for it or not. */
static int check_environment(void)
{
    int threads;
    const int error = df_threads_wanted(&threads, (int)cli.threads);
    return error < 0 ? error : df_kernels_check();
}

static int print_version(void)
{
    printf("deformer %s\n", DEFORMER_VERSION);
    if (df_kernels_check() < 0) {
        cli_say("deformer: %s", df_error());
        return EXIT_FAILURE;
    }
    const char *about = df_kernels_about(df_kernels());
    printf("kernels: %s%s%s\n", df_kernels_name(df_kernels()), *about ? ", " : "", about);
    return EXIT_SUCCESS;
}

/* --set changes a config: whoever reads none would pass over it without a word. */
static int check_settings(const CliCommand *command)
{
    if (!cli.n_set || strstr(command->synopsis, "CONFIG") || strstr(command->synopsis, "MODEL"))
        return DF_OK;
    return df_fail(CLI_EUSAGE, "--set %s: this command reads no config", cli.set[0]);
}

static int run(const CliCommand *command, int argc, char **argv)
{
    const char **args = df_calloc((size_t)argc + 2, sizeof *args);
    int n = 0;
    if (!args) {
        fprintf(stderr, "deformer %s: out of memory for its arguments\n", command->name);
        return EXIT_FAILURE;
    }
    int status = read_arguments(command, argc, argv, args, &n);
    n = put_checkpoint(command, args, n);
    if (status == 0 && wants_help) {
        cli_print_help(command, n > 0 ? args[0] : NULL);
    } else if (status == 0 && wants_version) {
        status = print_version();
    } else if (status == 0 && (n < command->least || (command->most >= 0 && n > command->most))) {
        fprintf(stderr, "usage: deformer %s %s\n", command->name, command->synopsis);
        status = USAGE;
    } else if (status == 0) {
        int error = check_settings(command);
        if (error == DF_OK)
            error = cli_check_overwriting(command, n, args);
        if (error == DF_OK)
            error = check_environment();
        if (error == DF_OK)
            error = command->run(n, args);
        if (error < 0) {
            cli_line_erase();
            fprintf(stderr, "deformer %s: %s\n", command->name, df_error());
            status = error == CLI_EUSAGE ? USAGE : EXIT_FAILURE;
        }
    }
    df_free(args);
    return status;
}

/* A closed standard stream would give its number to the first file that is opened, and text for people would go there.
 * In its place stands a file that refuses what is wanted of the stream, so that lost output is still an error. */
static bool guard_streams(void)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
            return false;
    return true;
}

int main(int argc, char **argv)
{
    if (!guard_streams())
        return EXIT_FAILURE; /* there is nowhere to say why */
    df_log_to(log_line, NULL);
    setenv("OPENBLAS_NUM_THREADS", "1", false); /* threads that it made at its loading would idle at full speed first */
    find_ready_configs();
    listen_to_signals();
    int status = 0;
    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 || strcmp(argv[1], "help") == 0) {
        const CliCommand *command = argc > 2 ? find_command(argv[2]) : NULL;
        if (argc > 2 && !command)
            return no_command(argv[2]);
        cli_print_help(command, argc > 3 ? argv[3] : NULL);
        status = argc < 2 ? USAGE : 0;
    } else if (strcmp(argv[1], "--version") == 0) {
        status = print_version();
    } else {
        const CliCommand *command = find_command(argv[1]);
        status = command ? run(command, argc - 2, argv + 2) : no_command(argv[1]);
    }
    errno = 0;
    if ((fflush(stdout) != 0 || ferror(stdout)) && status == 0) {
        if (errno != EPIPE) /* who reads may stop reading, and knows it */
            fprintf(stderr, "deformer: the output could not be written%s%s\n", errno ? ": " : "",
                    errno ? strerror(errno) : "");
        status = EXIT_FAILURE;
    }
    return status;
}

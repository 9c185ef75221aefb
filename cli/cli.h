/* SPDX-License-Identifier: Apache-2.0
 *
 * cli/cli.h -- what the commands of the program share. A command is one file and one line in list.def.
 *
 * Results go to stdout, progress and log to stderr. A command returns DF_OK or a negative code, with a sentence in
 * df_error(). main() prints this sentence and exits with 1, or with 2 if the code is CLI_EUSAGE: the command line is
 * wrong, and no work was begun.
 */
#ifndef DF_CLI_CLI_H
#define DF_CLI_CLI_H

#include <stdio.h>

#include "inference/inference.h"

/* ---- commands and their options ---------------------------------------------------------------------------------- */

/* The values of an option that may be given several times. */
enum { CLI_MOST_TEXTS = 64 };
typedef struct {
    const char *v[CLI_MOST_TEXTS];
    int n;
} CliTexts;

typedef struct {
    const char *name;                                     /* "--limit"; of a heading ""             */
    enum { CLI_END, CLI_HEADING, CLI_FLAG, CLI_INT, CLI_FLOAT, CLI_TEXT, CLI_TEXTS } kind;
    void *to;                                             /* bool, long, double, const char *, CliTexts */
    const char *value; /* what stands for the value in the help; of a heading its subcommands */
    const char *help;                                     /* small first letter, no period; unit and default    */
    double min, max;                                      /* of a number                            */
} CliOption;

/* The address of a variable, checked by the compiler to be of this type. */
#define CLI_TO(type, to)                              _Generic(&(to), type *: &(to))
#define CLI_OPT_FLAG(name, to, help)                  { name, CLI_FLAG, CLI_TO(bool, to), NULL, help, 0, 0 }
#define CLI_OPT_INT(name, to, value, min, max, help)  { name, CLI_INT, CLI_TO(long, to), value, help, min, max }
#define CLI_OPT_FLOAT(name, to, value, min, max, help) { name, CLI_FLOAT, CLI_TO(double, to), value, help, min, max }
#define CLI_OPT_TEXT(name, to, value, help)           { name, CLI_TEXT, CLI_TO(const char *, to), value, help, 0, 0 }
#define CLI_OPT_TEXTS(name, to, value, help)          { name, CLI_TEXTS, CLI_TO(CliTexts, to), value, help, 0, 0 }
#define CLI_OPT_SET(name, value, help)                { name, CLI_TEXT, NULL, value, help, 0, 0 } /* to cli.set */
/* A heading above the options that follow. */
#define CLI_OPT_HEADING(text)                         { "", CLI_HEADING, NULL, NULL, text, 0, 0 }
/* The same in a command with subcommands (common/subcommands.h): the options below are for those named, "coco lvis". */
#define CLI_OPT_HEADING_OF(subcommands, text)         { "", CLI_HEADING, NULL, subcommands, text, 0, 0 }
/* Two rows: how a checkpoint is read, a DfModelLoad. */
#define CLI_OPT_CHECKPOINT(wrapper, allow_missing)                                                               \
    CLI_OPT_TEXT("--wrapper", wrapper, "KEY",                                                                    \
                 "take the weights from this entry of the checkpoint: state_dict, model_ema, ema.module, ...; "  \
                 "default: found automatically"),                                                                \
    CLI_OPT_FLAG("--allow-missing", allow_missing,                                                               \
                 "parameters that are missing in the checkpoint keep random values; default: they are an error")
/* The arithmetic of the network: cli.precision, which cli_session_open() applies. */
#define CLI_OPT_PRECISION                                                                                        \
    CLI_OPT_TEXT("--precision", cli.precision, "P",                                                              \
                 "float32 or bf16; bf16 multiplies layers in bfloat16, which is faster, and needs a processor "   \
                 "with AVX512-BF16 or BF16 of ARM; default: float32")
/* Two rows: how many pictures are computed at once, a DfSequence's; long. */
#define CLI_OPT_AT_ONCE(streams, batch)                                                                          \
    CLI_OPT_INT("--streams", streams, "N", 1, DF_MOST_STREAMS,                                                   \
                "compute N pictures at a time, which share threads and weights; default: one for each thread "    \
                "if the network takes up to 4 G multiply-adds for the first picture, else 1; results are the same"), \
    CLI_OPT_INT("--batch", batch, "N", 1, DF_MOST_BATCH,                                                         \
                "put up to N successive pictures through the network in one pass, if their inputs have the "      \
                "same size (not segmentors); default 1; results are the same")
#define CLI_OPT_END                                   { NULL, CLI_END, NULL, NULL, NULL, 0, 0 }

typedef struct {
    const char *name;
    const char *synopsis;                                 /* the arguments: "CONFIG CHECKPOINT [OPTION]..."         */
    const char *summary;                                  /* one line, as it stands in the list of commands         */
    const char *details;                                  /* paragraphs of the help, in lines of at most 80 columns */
    const char *examples;                                 /* command lines, one a line, and comments after '#'      */
    const CliOption *options;
    int least, most;                                      /* positional arguments; most -1: any     */
    int output;                                           /* number of the one that is written; 0: none     */
    int (*run)(int n, const char *const *args);
} CliCommand;

/* What run() returns when the command line is wrong: exit status 2. For df_fail(). */
enum { CLI_EUSAGE = -100 };

extern const CliCommand *const cli_commands[];            /* NULL-terminated */

/* ---- common options ---------------------------------------------------------------------------------------------- */

/* A file that the command line says to write: "--json" and its path, or "OUT". */
typedef struct {
    const char *name, *path;
} CliOutput;

enum { CLI_SETS = 64, CLI_MOST_GIVEN = 64, CLI_MOST_OUTPUTS = 16 };
typedef struct {
    const char *given[CLI_MOST_GIVEN];                    /* names of the command's own options that were given */
    int n_given;
    long threads;
    bool quiet;
    const char *set[CLI_SETS];
    int n_set;
    const char *precision;                                /* as it was given; NULL: float32 */
    CliOutput outputs[CLI_MOST_OUTPUTS];                  /* found by cli_check_overwriting() */
    int n_outputs;
} CliCommon;
extern CliCommon cli;
extern const CliOption cli_common_options[];

/* help.c: prints the help of a command, or of the program (NULL). If `word` is a subcommand, such as the coco of
 * `metric coco`, the text about other subcommands is left out; NULL prints all. */
void cli_print_help(const CliCommand *, const char *word);
bool cli_has_word(const char *words, const char *word); /* subcommands.c: among words with spaces between */

/* ---- services ---------------------------------------------------------------------------------------------------- */

/* A network that is built from its config, and pointers to its parts. cli_session_done() frees everything, also
 * after a failure. */
typedef struct {
    DfDetector *detector;
    DfPool *pool;
    const DfNode *root;                                   /* of the config */
    DfModel *model;
    DfCtx *c;
} CliSession;
int cli_session_open(CliSession *, const char *config_path);
/* The value of --precision; CLI_EUSAGE if it is unknown. */
int cli_precision(DfPrecision *out);
/* For commands that train: CLI_EUSAGE if --precision is not float32. */
int cli_precision_for_training(void);
int cli_session_load(CliSession *, const char *checkpoint, const DfModelLoad *); /* a file, "random" or "random:SEED" */
void cli_session_done(CliSession *);
CliSession cli_session_of(DfDetector *);                  /* a view of it, with nothing to free */
/* "HxW"; NULL: the usual shape of such a network (df_detector_usual_shape()). */
int cli_input_shape(const CliSession *, const char *text, int width, int *H, int *W);

/* A terminal may end with a line that changes. Lines that stay take its place: cli_say() and warnings erase it, and who
 * prints otherwise erases it first. */
void cli_line_begin(void);                                /* what is printed next on stderr is that line */
void cli_line_erase(void);
void cli_line_keep(void);                                 /* it has changed for the last time            */
void cli_line_erase_for_results(void);                    /* if stdout is a terminal, too                */

/* A line that changes on a terminal, a line now and then elsewhere, nothing with --quiet. */
typedef struct {
    const char *what;
    long n, done, before;                                 /* before: done by an earlier run */
    double start, last_shown;
    bool live;
} CliProgress;
CliProgress cli_progress(const char *what, long n, long before);
void cli_progress_step(CliProgress *, long done);
void cli_progress_end(CliProgress *);
/* A DfProgress (inference/sequence.h) whose user is a CliRunProgress: shows the progress; Ctrl-C stops the run. */
typedef struct {
    const char *what;
    bool silent;                                          /* show nothing                    */
    bool begun;                                           /* {0} to begin with: its own note */
    CliProgress shown;
} CliRunProgress;
bool cli_run_progress(void *user, long done, long n);

/* True after Ctrl-C: finish the current step and report what was done. A command that never calls this function ends at
 * once; a second Ctrl-C ends every command. */
bool cli_interrupted(void);

double cli_now(void);                                     /* seconds */
void cli_put_name(FILE *, const char *name);              /* of a file, a class or a run: made visible */
void cli_say(const char *format, ...) DF_PRINTF(1, 2);    /* a line on standard error, all of it visible */
int cli_write_text(const char *path, const char *text);   /* the whole file at once; "-" is stdout */
/* The same for JSON; frees the writer. If path is NULL, nothing is written. */
int cli_write_json(DfJsonWriter *, const char *path);
/* To call before long work: fails if this file cannot be written. NULL and "-" are fine. */
int cli_check_output(const char *path);
/* overwriting.c: CLI_EUSAGE if `command` would write over one of args[n] or over the file of an option, or would write
 * two outputs to one file. */
int cli_check_overwriting(const CliCommand *, int n, const char *const *args);
/* The same for the files that a config is read from or names (df_named_file()); sessions call it. */
int cli_check_overwriting_config(const DfNode *root, const char *data_dir);
bool cli_is_same_file(const char *a, const char *b); /* both exist and are the same file */
int cli_check_outputs(size_t n, const char *const *paths); /* each of them */

#endif

/* dump.c - ec_dump_config: the whole configuration as one text
 * SPDX-License-Identifier: Apache-2.0 */
#include <ec/daemon.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/ask/show.h"
#include "main/tool.h"

#include "config.h"

static const char usage[] =
    "usage: ec_dump_config [-c FILE] [-e MODULEDIR] [-f OUTPUT] [--form xml|text|json] [--origin] "
    "[--secrets]\n"
    "\n"
    "Loads the configuration, and the modules it names, as the server would, and writes what it comes to.\n"
    "\n"
    "  -c, --config FILE     configuration file (ecelerity.conf, sought along EC_CONF_SEARCH_PATH)\n"
    "  -e, --modules DIRS    folders of modules, separated by colons\n"
    "  -f, --output FILE     write to this file instead of standard output\n"
    "  --form FORM           xml (default), text (a file that says the same), or json\n"
    "  --origin              also the file and line of every value\n"
    "  --secrets             also values that are secret: without, the text is no whole configuration\n"
    "  -h, --help            this text\n"
    "  -V, --version         version\n"
    "\n"
    "Exit status: 0 done, 1 not valid, not found or not written, 2 wrong usage.\n";

enum { OPTION_FORM = 1, OPTION_ORIGIN, OPTION_SECRETS };

static const struct option long_options[] = {
    { "config", required_argument, NULL, 'c' },
    { "modules", required_argument, NULL, 'e' },
    { "output", required_argument, NULL, 'f' },
    { "form", required_argument, NULL, OPTION_FORM },
    { "origin", no_argument, NULL, OPTION_ORIGIN },
    { "secrets", no_argument, NULL, OPTION_SECRETS },
    { "help", no_argument, NULL, 'h' },
    { "version", no_argument, NULL, 'V' },
    { NULL, 0, NULL, 0 },
};

typedef struct {
    tool_t tool;
    const char *output; /* NULL: standard output */
    show_form_t form;
    int flags;
} dump_t;

/* ---- writing --------------------------------------------------------------------------------- */

static apr_status_t write_piece(void *baton, const char *bytes, apr_size_t length)
{
    return fwrite(bytes, 1, length, baton) == length ? APR_SUCCESS : errno;
}

static FILE *open_output(const dump_t *dump)
{
    int fd;

    if (dump->output == NULL)
        return stdout;
    fd = open(dump->output, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
              dump->flags & SHOW_SECRETS ? 0600 : 0640);
    return fd >= 0 ? fdopen(fd, "w") : NULL;
}

static int write_config(const dump_t *dump, const conf_t *conf)
{
    FILE *out = open_output(dump);
    apr_status_t rv = out != NULL ? show_write(conf, NULL, dump->form, dump->flags, write_piece, out) : errno;

    if (out != NULL && (out == stdout ? fflush(out) : fclose(out)) != 0 && rv == APR_SUCCESS)
        rv = errno;
    if (rv == APR_SUCCESS)
        return 0;
    fprintf(stderr, "ec_dump_config: %s can not be written: %s\n",
            dump->output != NULL ? dump->output : "standard output", strerror(rv));
    return 1;
}

static int dump_config(const dump_t *dump)
{
    tool_loaded_t loaded;
    int status = 1;

    tool_load(&loaded, &dump->tool);
    tool_print_problems(&loaded);
    if (loaded.conf != NULL) {
        status = write_config(dump, loaded.conf);
        conf_unref(loaded.conf);
    } else if (loaded.is_found) {
        fprintf(stderr, "Configuration invalid: %s\n", tool_counts(&dump->tool, &loaded));
    } else {
        fprintf(stderr, "No configuration found: %s\n", loaded.where);
    }
    return status;
}

/* ---- main ------------------------------------------------------------------------------------ */

static int set_form(dump_t *dump, const char *name)
{
    static const char *const names[] = { [SHOW_TEXT] = "text", [SHOW_XML] = "xml", [SHOW_JSON] = "json" };

    for (int i = 0; i < 3; i++) {
        if (strcmp(name, names[i]) == 0) {
            dump->form = (show_form_t)i;
            return 1;
        }
    }
    fprintf(stderr, "ec_dump_config: --form %s: the forms are xml, text and json\n", name);
    return 0;
}

/* 1: it was one; 0: leave with *status. */
static int take_option(dump_t *dump, int c, int *status)
{
    switch (c) {
    case 'c':
        dump->tool.config = optarg;
        return 1;
    case 'e':
        dump->tool.modules = optarg;
        return 1;
    case 'f':
        dump->output = optarg;
        return 1;
    case OPTION_FORM:
        return set_form(dump, optarg);
    case OPTION_ORIGIN:
        dump->flags |= SHOW_ORIGIN;
        return 1;
    case OPTION_SECRETS:
        dump->flags |= SHOW_SECRETS;
        return 1;
    case 'h':
    case 'V':
        fputs(c == 'h' ? usage : PACKAGE_STRING "\n", stdout);
        *status = 0;
        return 0;
    default:
        fputs(usage, stderr);
        return 0;
    }
}

int ec_dump_main(int argc, char **argv)
{
    dump_t dump = { .tool = { .name = "ec_dump_config" }, .form = SHOW_XML, .flags = SHOW_CHILDREN };
    int c, status = 2;

    while ((c = getopt_long(argc, argv, "c:e:f:hV", long_options, NULL)) != -1) {
        if (!take_option(&dump, c, &status))
            return status;
    }
    if (optind < argc) {
        fprintf(stderr, "ec_dump_config: %s: not an option; see ec_dump_config --help\n", argv[optind]);
        return 2;
    }
    if ((status = tool_start(&dump.tool)) != 0)
        return status;
    status = dump_config(&dump);
    tool_end(&dump.tool);
    return status;
}

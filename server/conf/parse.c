/* parse.c - the grammar of the configuration language
 * SPDX-License-Identifier: Apache-2.0
 *
 *   file      = { statement }
 *   statement = name "=" value | name list | name dictionary
 *             | type [ name ] [ "=" ] "{" { statement } "}"
 *             | ( "include" | "readonly_include" ) path
 *
 * After an error the reader goes on at the next line that begins with a word, or at the
 * brace that closes the stanza, so that one mistake is told once and the next one too.
 * A stanza whose type is unknown is read to its end without looking at its contents. */
#include "conf/parse.h"

#include <string.h>
#include <strings.h>

#include <apr_strings.h>

static void parse_statement(struct parser *parser, conf_stanza_t *stanza, int depth);

/* ---- errors ---------------------------------------------------------------------------- */

static lexer_t *lexer_of(struct parser *parser)
{
    return &parser->frame->lexer;
}

/* Some editor's, or of files that were joined: nobody sees it. */
static const char byte_order_mark[] = "\xef\xbb\xbf";

static void report_token(struct parser *parser, const char *expected)
{
    lexer_t *lexer = lexer_of(parser);

    if (lexer->token == TOKEN_ERROR) {
        parse_error(parser, lexer->line, "%s", lexer->text);
        parser->frame->is_broken |= lexer->is_fatal;
    } else if (strstr(lexer->text, byte_order_mark) != NULL && !parser->frame->is_broken) {
        parse_error(parser, lexer->line, "a byte order mark (U+FEFF) inside the file, where it can not be seen: take it away");
    } else if (!parser->frame->is_broken) {
        parse_error(parser, lexer->line, "%s, found %s%s%s", expected, lexer->token == TOKEN_END ? "" : "\"",
                    problem_quote(&parser->problems, lexer->text), lexer->token == TOKEN_END ? "" : "\"");
    }
}

static void resynchronise(struct parser *parser)
{
    lexer_t *lexer = lexer_of(parser);
    int depth = 0;

    for (;; lexer_next(lexer)) {
        if (lexer->token == TOKEN_END || (depth == 0 && lexer->token == TOKEN_BRACE_CLOSE) ||
            (depth == 0 && lexer->token == TOKEN_WORD && lexer->is_first))
            break;
        if (lexer->token == TOKEN_ERROR && lexer->is_fatal && !parser->frame->is_broken)
            report_token(parser, "");
        depth += lexer->token == TOKEN_BRACE_OPEN;
        depth -= lexer->token == TOKEN_BRACE_CLOSE;
    }
    parser->frame->is_again = 1;
}

static void fail_at_token(struct parser *parser, const char *expected)
{
    report_token(parser, expected);
    resynchronise(parser);
}

static int is_text(enum lexer_token token)
{
    return token == TOKEN_WORD || token == TOKEN_STRING;
}

conf_span_t parse_span(const struct parser *parser)
{
    return (conf_span_t){ parser->start, (apr_int64_t)parser->frame->lexer.end };
}

/* ---- bodies ------------------------------------------------------------------------------ */

/* Reads up to the closing brace, or at depth 0 to the end of the file. */
static void parse_body(struct parser *parser, conf_stanza_t *stanza, int depth, const char *type, int line)
{
    struct frame *frame = parser->frame;

    while (!problems_full(&parser->problems)) {
        if (!frame->is_again)
            lexer_next(&frame->lexer);
        frame->is_again = 0;
        switch (frame->lexer.token) {
        case TOKEN_END:
            if (depth > 0 && !frame->is_broken)
                parse_error(parser, line, "the \"}\" that closes \"%s\" is missing",
                            problem_quote(&parser->problems, type));
            frame->is_broken |= depth > 0;
            frame->is_again = 1;
            return;
        case TOKEN_BRACE_CLOSE:
            if (depth > 0)
                return;
            parse_error(parser, frame->lexer.line, "\"}\" without a stanza that it closes");
            break;
        case TOKEN_WORD:
            parse_statement(parser, stanza, depth);
            break;
        default:
            report_token(parser, "expected the name of an option or a stanza");
            lexer_next(&frame->lexer);
            resynchronise(parser);
        }
    }
}

static void parse_stanza(struct parser *parser, conf_stanza_t *parent, const char *type, const char *instance,
                         int line, int depth)
{
    conf_stanza_t *stanza = NULL;
    conf_place_t *place;

    if (depth >= TREE_DEPTH_MAX) {
        parse_error_of(parser, LIMIT, line, "stanzas are nested deeper than %d", TREE_DEPTH_MAX);
        resynchronise(parser);
        return;
    }
    parser->place = NULL;
    if (parent != NULL)
        stanza = build_stanza(parser, parent, type, instance, line);
    place = parser->place;
    parse_body(parser, stanza, depth + 1, type, line);
    if (place != NULL) {
        place->span.end = (apr_int64_t)parser->frame->lexer.end;
        place->order = parser->conf->n_read;
    }
}

/* ---- inclusion ------------------------------------------------------------------------------ */

conf_file_t *parse_find_read(const struct parser *parser, const struct conf_stamp *stamp)
{
    apr_uint64_t key[] = { stamp->device, stamp->inode };

    return apr_hash_get(parser->read, key, sizeof(key));
}

static void *folder_key(apr_uint64_t key[2], const char *path)
{
    struct stat status;

    if (stat(path, &status) != 0)
        return NULL;
    key[0] = (apr_uint64_t)status.st_dev;
    key[1] = (apr_uint64_t)status.st_ino;
    return key;
}

static void note_folder(struct parser *parser, const char *path, int line)
{
    apr_pool_t *pool = parser->problems.pool;
    apr_uint64_t key[2];

    if (folder_key(key, path) != NULL && apr_hash_get(parser->folders, key, sizeof(key)) == NULL)
        apr_hash_set(parser->folders, apr_pmemdup(pool, key, sizeof(key)), sizeof(key),
                     apr_psprintf(pool, "%s:%d", parser->frame->file->path, line));
}

const char *parse_find_folder(const struct parser *parser, const char *path)
{
    const char *slash = strrchr(path, '/');
    apr_uint64_t key[2];

    if (slash == NULL || slash[1] == '.' ||
        folder_key(key, apr_pstrmemdup(parser->problems.pool, path, (apr_size_t)(slash - path) + 1)) == NULL)
        return NULL;
    return apr_hash_get(parser->folders, key, sizeof(key));
}

/* A file that is included twice has no one place for a change. */
static void note_multiple(struct parser *parser, conf_file_t *file)
{
    apr_uint64_t key[] = { file->stamp.device, file->stamp.inode };
    conf_file_t *first = parse_find_read(parser, &file->stamp);

    if (file->stamp.inode == 0) /* a text in place of a file that is not there yet */
        return;
    if (first != NULL)
        file->is_multiple = first->is_multiple = 1;
    else
        apr_hash_set(parser->read, apr_pmemdup(parser->problems.pool, key, sizeof(key)), sizeof(key), file);
}

static void read_file(struct parser *parser, conf_stanza_t *stanza, conf_file_t *file,
                      struct include_file identity)
{
    struct frame frame = { .file = file, .identity = identity, .above = parser->frame };

    frame.depth = frame.above != NULL ? frame.above->depth + 1 : 0;
    APR_ARRAY_PUSH(parser->conf->files, const conf_file_t *) = file;
    parser->frame = &frame;
    file->stanza = stanza;
    file->stamp = identity.stamp;
    note_multiple(parser, file);
    if (identity.text != NULL)
        lexer_open_text(&frame.lexer, identity.text, strlen(identity.text));
    else
        lexer_open_fd(&frame.lexer, identity.fd);
    parse_body(parser, stanza, 0, "", 0);
    lexer_close(&frame.lexer);
    file->order = parser->conf->n_read;
    parser->frame = frame.above;
}

static conf_file_t *make_file(struct parser *parser, const char *path, int line, int is_readonly)
{
    conf_file_t *file = apr_pcalloc(parser->conf->pool, sizeof(*file));

    file->path = apr_pstrdup(parser->conf->pool, path);
    file->includer = parser->frame != NULL ? parser->frame->file : NULL;
    file->line = line;
    file->is_readonly = is_readonly || (file->includer != NULL && file->includer->is_readonly);
    return file;
}

/* "a includes b includes a", or NULL when the file is not being read already. */
static const char *describe_loop(const struct parser *parser, const struct include_file *identity,
                                 const char *path, apr_pool_t *pool)
{
    const char *text = path;

    for (const struct frame *frame = parser->frame; frame != NULL; frame = frame->above) {
        text = apr_pstrcat(pool, frame->file->path, " includes ", text, NULL);
        if (frame->identity.stamp.inode == identity->stamp.inode &&
            frame->identity.stamp.device == identity->stamp.device)
            return text;
    }
    return NULL;
}

/* The file, or what stands for it. */
static apr_status_t open_file(const struct parser *parser, struct include_file *file, const char *path,
                              const char **why)
{
    const char *text =
        parser->overlay != NULL ? apr_hash_get(parser->overlay->texts, path, APR_HASH_KEY_STRING) : NULL;
    struct stat status;

    if (text == NULL)
        return include_open(file, path, why, parser->problems.pool);
    memset(file, 0, sizeof(*file));
    file->fd = -1;
    file->text = text;
    if (stat(path, &status) == 0)
        file->stamp = include_stamp(&status);
    file->stamp.size = (apr_int64_t)strlen(text);
    return APR_SUCCESS;
}

/* Folders count as well: an empty one that is included often enough would cost time and memory without end. */
static int is_too_much(struct parser *parser, int line)
{
    if (++parser->n_files <= PARSE_FILES_MAX && parser->n_bytes <= PARSE_BYTES_MAX)
        return 0;
    parse_error_of(parser, LIMIT, line, "too much is included: more than %d files or 1 GiB", PARSE_FILES_MAX);
    return 1;
}

static void include_one(struct parser *parser, conf_stanza_t *stanza, const char *path, int line,
                        int is_readonly)
{
    struct include_file identity;
    const char *why, *loop;

    if (open_file(parser, &identity, path, &why) != APR_SUCCESS) {
        parse_error_of(parser, INCLUDE, line, "include: %s", why);
        return;
    }
    loop = describe_loop(parser, &identity, path, parser->problems.pool);
    parser->n_bytes += identity.stamp.size;
    if (loop != NULL)
        parse_error_of(parser, INCLUDE, line, "include loop: %s", loop);
    else if (parser->frame->depth + 1 >= PARSE_INCLUDE_DEPTH_MAX)
        parse_error_of(parser, LIMIT, line, "files include each other deeper than %d",
                       PARSE_INCLUDE_DEPTH_MAX);
    else if (!is_too_much(parser, line)) {
        read_file(parser, stanza, make_file(parser, path, line, is_readonly), identity);
        return;
    }
    lexer_close(&(lexer_t){ .fd = identity.fd });
}

static void include_name(struct parser *parser, conf_stanza_t *stanza, const char *name, int line,
                         int is_readonly)
{
    apr_pool_t *pool = parser->problems.pool;
    apr_array_header_t *files;
    const char *found, *why;
    int is_folder;

    if (parser->source == NULL) {
        parse_error_of(parser, INCLUDE, line, "files can not be included here");
        return;
    }
    if (search_include(&found, &parser->path, name, parser->frame->file->path, &why, pool) != APR_SUCCESS ||
        include_list(&files, &is_folder, found, &why, pool) != APR_SUCCESS) {
        parse_error_of(parser, INCLUDE, line, "include: %s", why);
        return;
    }
    if (!is_folder)
        include_one(parser, stanza, found, line, is_readonly);
    else if (is_too_much(parser, line))
        return;
    else
        note_folder(parser, found, line);
    for (int i = 0; i < files->nelts && !problems_full(&parser->problems); i++)
        include_one(parser, stanza, APR_ARRAY_IDX(files, i, const char *), line, is_readonly);
}

/* The lexer stands at what follows the word include. */
static void parse_include(struct parser *parser, conf_stanza_t *stanza, int is_readonly, int line)
{
    const char *name;

    if (!is_text(lexer_of(parser)->token)) {
        fail_at_token(parser, "expected the file to include");
        return;
    }
    name = apr_pstrdup(parser->problems.pool, lexer_of(parser)->text);
    if (stanza != NULL)
        include_name(parser, stanza, name, line, is_readonly);
}

/* ---- statements -------------------------------------------------------------------------------- */

static int is_name(const char *text, apr_size_t length)
{
    return length > 0 && length <= PARSE_NAME_MAX &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == length;
}

static void parse_option(struct parser *parser, conf_stanza_t *stanza, const char *name, int line)
{
    const char *why = "out of memory";
    int is_bare = lexer_of(parser)->token == TOKEN_WORD;
    apr_status_t rv = raw_value_read(&parser->value, lexer_of(parser), &why, parser->problems.pool);

    if (rv == EC_E_SYNTAX) {
        fail_at_token(parser, why);
        return;
    }
    if (rv != APR_SUCCESS) {
        parse_error(parser, lexer_of(parser)->line, "option \"%s\": %s", name, why);
        resynchronise(parser);
        return;
    }
    if (is_bare) {
        parser->last.line = lexer_of(parser)->line;
        apr_cpystrn(parser->last.option, name, sizeof(parser->last.option));
        apr_cpystrn(parser->last.value, parser->value.text, sizeof(parser->last.value));
    }
    build_option(parser, stanza, name, line);
}

/* `option = 5 minutes`: a word behind a bare value on its line, with nothing behind it that would make it a
 * statement. */
static int is_rest_of_value(struct parser *parser, const char *word, int line)
{
    const lexer_t *lexer = lexer_of(parser);
    int is_alone = lexer->token == TOKEN_END || lexer->token == TOKEN_BRACE_CLOSE ||
                   (lexer->is_first && is_text(lexer->token));

    if (parser->last.line != line || !is_alone)
        return 0;
    parse_error(parser, line, "a value of several words must be in quotes: write %s = \"%s %s\"",
                parser->last.option, problem_quote(&parser->problems, parser->last.value),
                problem_quote(&parser->problems, word));
    parser->frame->is_again = 1;
    return 1;
}

/* The lexer stands at what follows a word that is not "=": a name, for a stanza. */
static void parse_named_stanza(struct parser *parser, conf_stanza_t *stanza, const char *type, int line,
                               int depth)
{
    lexer_t *lexer = lexer_of(parser);
    const char *instance = apr_pstrdup(parser->scratch, lexer->text);

    if (lexer_next(lexer) == TOKEN_EQUALS)
        lexer_next(lexer);
    if (lexer->token == TOKEN_BRACE_OPEN) {
        parse_stanza(parser, stanza, type, instance, line, depth);
        return;
    }
    if (lexer->token != TOKEN_ERROR) {
        parse_error(parser, line, "expected \"%s = %s\", or \"{\" after it to open a stanza", type,
                    problem_quote(&parser->problems, instance));
        resynchronise(parser);
    } else {
        fail_at_token(parser, "");
    }
}

static void parse_statement(struct parser *parser, conf_stanza_t *stanza, int depth)
{
    lexer_t *lexer = lexer_of(parser);
    char name[PARSE_NAME_MAX + 1];
    int line = lexer->line, has_equals;

    apr_pool_clear(parser->scratch);
    parser->start = (apr_int64_t)lexer->start;
    parser->conf->n_read++;
    if (!is_name(lexer->text, lexer->length)) {
        report_token(parser, "expected the name of an option or a stanza");
        lexer_next(lexer);
        resynchronise(parser);
        return;
    }
    memcpy(name, lexer->text, lexer->length + 1);
    lexer_next(lexer);
    if (is_rest_of_value(parser, name, line))
        return;
    parser->last.line = 0;
    if (is_text(lexer->token) &&
        (strcasecmp(name, "include") == 0 || strcasecmp(name, "readonly_include") == 0)) {
        parse_include(parser, stanza, strcasecmp(name, "include") != 0, line);
        return;
    }
    if ((has_equals = lexer->token == TOKEN_EQUALS))
        lexer_next(lexer);
    if (lexer->token == TOKEN_BRACE_OPEN)
        parse_stanza(parser, stanza, name, NULL, line, depth);
    else if (is_text(lexer->token) && !has_equals)
        parse_named_stanza(parser, stanza, name, line, depth);
    else if (is_text(lexer->token) || lexer->token == TOKEN_PAREN_OPEN || lexer->token == TOKEN_BRACKET_OPEN)
        parse_option(parser, stanza, name, line);
    else
        fail_at_token(parser, apr_psprintf(parser->problems.pool,
                                           has_equals ? "expected the value of \"%s\""
                                                      : "expected \"=\" or \"{\" after \"%s\"",
                                           name));
}

/* ---- whole files --------------------------------------------------------------------------------- */

void parse_main_file(struct parser *parser, const char *name)
{
    apr_pool_t *pool = parser->problems.pool;
    struct include_file identity;
    const char *found, *why;

    if (search_main(&found, &parser->path, name, &why, pool) != APR_SUCCESS ||
        open_file(parser, &identity, found, &why) != APR_SUCCESS) {
        problem_error_of(&parser->problems, CONF_PROBLEM_INCLUDE, name != NULL ? name : "ecelerity.conf", 0,
                         "no configuration: %s", why);
        return;
    }
    parser->n_files = 1;
    parser->n_bytes = identity.stamp.size;
    read_file(parser, parser->conf->root, make_file(parser, found, 0, 0), identity);
}

void parse_last_file(struct parser *parser, const char *path, int line, int is_local)
{
    struct include_file identity;
    conf_file_t *file;
    const char *why;

    if (open_file(parser, &identity, path, &why) != APR_SUCCESS) {
        problem_error(&parser->problems, path, 0, "%s", why);
        return;
    }
    file = make_file(parser, path, line, 0);
    file->includer = APR_ARRAY_IDX(parser->conf->files, 0, const conf_file_t *);
    file->is_local = is_local;
    read_file(parser, parser->conf->root, file, identity);
}

void parse_text(struct parser *parser, const char *name, const char *text, apr_size_t length)
{
    conf_file_t *file = make_file(parser, name, 0, 0);
    struct frame frame = { .file = file, .identity = { .fd = -1 } };

    APR_ARRAY_PUSH(parser->conf->files, const conf_file_t *) = file;
    parser->frame = &frame;
    lexer_open_text(&frame.lexer, text, length);
    parse_body(parser, parser->conf->root, 0, "", 0);
    lexer_close(&frame.lexer);
    file->order = parser->conf->n_read;
    parser->frame = NULL;
}

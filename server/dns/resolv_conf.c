/* resolv_conf.c - which name servers to ask
 * SPDX-License-Identifier: Apache-2.0
 *
 * Read here and not by libunbound, so that a port may stand behind an address and a mistake is reported with
 * its line. */
#include <stdlib.h>
#include <string.h>

#include <apr_file_io.h>
#include <apr_strings.h>

#include "dns/name.h"
#include "dns/resolv_conf.h"

static const char keyword[] = "nameserver";

static int is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* The word behind "nameserver", or NULL when the line is another one. */
static const char *server_word(const char *line, apr_size_t length, apr_size_t *word_length)
{
    apr_size_t at = 0, end;

    while (at < length && is_blank(line[at])) {
        at++;
    }
    if (length - at <= sizeof(keyword) - 1 || memcmp(line + at, keyword, sizeof(keyword) - 1) != 0 ||
        !is_blank(line[at + sizeof(keyword) - 1])) {
        return NULL;
    }
    at += sizeof(keyword) - 1;
    while (at < length && is_blank(line[at])) {
        at++;
    }
    for (end = at; end < length && !is_blank(line[end]) && line[end] != '#' && line[end] != ';'; end++) {
    }
    *word_length = end - at;
    return line + at;
}

/* "ADDRESS" or "ADDRESS@PORT" into libunbound's form, which is the same. */
static int add_server(resolv_conf_t *conf, const char *word, apr_size_t length)
{
    const char *at = memchr(word, '@', length);
    apr_size_t address_length = at == NULL ? length : (apr_size_t)(at - word);
    char address[DNS_ADDRESS_ROOM], port[8] = "";
    char *end = port;
    long number = 0;

    if (!dns_address_clean(address, word, address_length)) {
        return 0;
    }
    if (at != NULL) {
        if (length - address_length - 1 >= sizeof(port)) {
            return 0;
        }
        memcpy(port, at + 1, length - address_length - 1);
        number = strtol(port, &end, 10);
        if (*end != '\0' || number < 1 || number > 65535) {
            return 0;
        }
    }
    if (conf->n < RESOLV_SERVERS_MAX) {
        apr_snprintf(conf->server[conf->n++], RESOLV_SERVER_ROOM, at == NULL ? "%s" : "%s@%ld", address,
                     number);
    }
    return 1;
}

apr_status_t resolv_conf_parse(resolv_conf_t *conf, const char *text, apr_size_t length, const char **why,
                               apr_pool_t *pool)
{
    const char *end = text + length, *next;
    int number = 0;

    conf->n = 0;
    for (const char *line = text; line < end; line = next) {
        const char *eol = memchr(line, '\n', (apr_size_t)(end - line));
        apr_size_t word_length = 0;
        const char *word = server_word(line, (apr_size_t)((eol != NULL ? eol : end) - line), &word_length);

        next = eol != NULL ? eol + 1 : end;
        number++;
        if (word != NULL && !add_server(conf, word, word_length)) {
            *why = apr_psprintf(pool, "line %d: \"%.*s\" is not a name server's ADDRESS or ADDRESS@PORT.",
                                number, (int)(word_length < 64 ? word_length : 64), word);
            return EC_E_SYNTAX;
        }
    }
    if (conf->n == 0) {
        add_server(conf, "127.0.0.1", strlen("127.0.0.1"));
    }
    return APR_SUCCESS;
}

apr_status_t resolv_conf_read(resolv_conf_t *conf, const char *path, const char **why, apr_pool_t *pool)
{
    char *text = apr_palloc(pool, RESOLV_FILE_MAX);
    apr_file_t *file = NULL;
    apr_size_t length = 0;
    apr_status_t rv;
    char error[120];

    rv = apr_file_open(&file, path, APR_READ, APR_FPROT_OS_DEFAULT, pool);
    if (rv == APR_SUCCESS) {
        rv = apr_file_read_full(file, text, RESOLV_FILE_MAX, &length);
        apr_file_close(file);
    }
    if (rv != APR_SUCCESS && rv != APR_EOF) {
        *why = apr_psprintf(
            pool, "%s can not be read: %s. Name the file that lists your name servers in resolv_conf.", path,
            ec_strerror(rv, error, sizeof(error)));
        return rv;
    }
    rv = resolv_conf_parse(conf, text, length, why, pool);
    if (rv != APR_SUCCESS) {
        *why = apr_psprintf(pool, "%s, %s", path, *why);
    }
    return rv;
}

/* render.c - an answer in the form wanted; XML
 * SPDX-License-Identifier: Apache-2.0 */
#include "control/render.h"

#include <stdlib.h>
#include <string.h>

void render_xml(output_t *out, const ec_answer_t *answer)
{
    xmlChar *text = NULL;
    int length = 0;

    xmlSetProp(answer->root, BAD_CAST "status", BAD_CAST(answer->error != NULL ? "error" : "done"));
    if (answer->error != NULL) {
        xmlSetProp(answer->root, BAD_CAST "error", BAD_CAST answer->error);
    }
    xmlDocDumpFormatMemoryEnc(answer->doc, &text, &length, "UTF-8", 1);
    EC_ASSERT(text != NULL);
    output_bytes(out, (const char *)text, (size_t)length);
    xmlFree(text);
}

static void (*const renderers[WIRE_FORMS])(output_t *, const ec_answer_t *) = {
    [WIRE_TEXT] = render_text,
    [WIRE_XML] = render_xml,
    [WIRE_JSON] = render_json,
};

static void replace_by_error(ec_answer_t *answer)
{
    xmlNodePtr node;

    while ((node = answer->root->children) != NULL) {
        xmlUnlinkNode(node);
        xmlFreeNode(node);
    }
    ec_answer_error(answer, "the answer is larger than %d MiB: ask for less, for example with a limit",
                    WIRE_ANSWER_MAX / 1024 / 1024);
}

void render_answer(output_t *out, int *status, ec_answer_t *answer, wire_form_t form)
{
    *out = (output_t){ .max = WIRE_ANSWER_MAX };
    renderers[form](out, answer);
    if (out->is_cut) {
        free(out->text);
        *out = (output_t){ .max = WIRE_ANSWER_MAX };
        replace_by_error(answer);
        renderers[form](out, answer);
    }
    *status = answer->error != NULL ? WIRE_ERROR : WIRE_DONE;
}

/* render.h - an answer's tree as text, XML or JSON
 * SPDX-License-Identifier: Apache-2.0
 *
 * Text is for people: "Name: value" lines, tables with aligned columns, headings.
 * XML: <answer status="done"> with the tree as it is; an element whose value had to be
 * escaped says escaped="backslash".  JSON: one object; a group is an object, a table an
 * array of objects, "note" an array of strings; a name that occurs twice in a group becomes
 * an array.  An error is the member "error" (JSON) or the attribute error (XML) of the
 * whole; the rest is there as well. */
#ifndef CONTROL_RENDER_H
#define CONTROL_RENDER_H

#include "control/answer.h"
#include "control/output.h"

/** Adds to `out`. */
void render_text(output_t *out, const ec_answer_t *answer);
void render_xml(output_t *out, const ec_answer_t *answer);
void render_json(output_t *out, const ec_answer_t *answer);

/** In the form wanted; what is larger than WIRE_ANSWER_MAX becomes an error.  `*status` is wire_status_t. */
void render_answer(output_t *out, int *status, ec_answer_t *answer, wire_form_t form);
#endif

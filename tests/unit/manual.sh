#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# manual.sh - the manual says what there is: options of the programs, commands of the console, every working option
set -u
top=${srcdir:-.}
failed=0

miss() {
    echo "$1 does not mention: $2"
    failed=1
}

# every long option that --help lists is in the man page
for program in bin/smtpload:1 bin/smtpsink:1 bin/ec_console:1 bin/ec_ctl:1 bin/ec_dump_config:1 bin/jlogctl:1 bin/validate_config:1 server/main/ecelerity:8 server/main/eccmgr:8; do
    name=$(basename "${program%:*}")
    page=$top/doc/man/$name.${program#*:}
    test -x "${program%:*}" || continue
    for option in $("${program%:*}" --help | sed -n 's/^ \{1,8\}\(-[[:alnum:]], \)\{0,1\}--\([a-z0-9-]\{2,\}\).*/\2/p' | sort -u); do
        grep -q -e "-$option" "$page" || miss "$page" "--$option"
    done
done

# every command that the server lists (one without a help text is for programs) is in the manual, by the words before its first argument
find "$top/server" "$top/modules" -name '*.c' -exec grep -h '{ "[a-z][^"]*", EC_CMD_[A-Z]*,' {} + | grep -v ', NULL }' |
    sed 's/.*{ "\([^"<[]*\).*/\1/; s/ *$//' | sort -u > "manual-commands.$$"
while read -r command; do
    grep -q -F "$command" "$top/doc/console.md" || miss doc/console.md "$command"
done < "manual-commands.$$"
test -s "manual-commands.$$" || miss "this test" "any command: is the pattern still right?"
rm -f "manual-commands.$$"

# every option that works is in the page of the configuration, and something reads it
awk 'BEGIN { RS = "\nCONF_OPTION[(]" } NR > 1 && !/EC_OPTION_NO_EFFECT/ { split($0, part, "[,\"]"); print part[1], part[3] }' \
    "$top/server/conf/options.def" > "manual-options.$$"
while read -r id option; do
    grep -q -x "\.It Cm $option" doc/man/ecelerity.conf.5 || miss doc/man/ecelerity.conf.5 "$option"
    grep -r -q -w --include='*.[ch]' -e "CONF_O_$id" "$top/server" ||
        grep -r -q -w --include='*.[ch]' --exclude-dir=conf -e "$id" -e "\"$option\"" "$top/server" "$top/modules" ||
        miss "the server (EC_OPTION_NO_EFFECT is missing in options.def?)" "$option"
done < "manual-options.$$"
test -s "manual-options.$$" || miss "this test" "any option: is the pattern still right?"
rm -f "manual-options.$$"

# every documented option is in the page, whether it works or not
sed -n 's/^\.It Cm \([^ ]*\)$/\1/p' doc/man/ecelerity.conf.5 | sort -u > "manual-page.$$"
awk -F '\t' '!/^#/ && $2 != "stanza" { print $1 }' "$top/tests/unit/conf/documented.txt" | sort -u > "manual-documented.$$"
comm -13 "manual-page.$$" "manual-documented.$$" > "manual-missing.$$"
while read -r option; do
    miss doc/man/ecelerity.conf.5 "$option"
done < "manual-missing.$$"
test "$(wc -l < "manual-documented.$$")" -gt 300 || miss "this test" "most options: is the list still there?"
rm -f "manual-page.$$" "manual-documented.$$" "manual-missing.$$"

# a list without entries is a mistake to man(1)
for page in "$top"/doc/man/*.[1-8] doc/man/ecelerity.conf.5; do
    awk '/^\.Bl/ { open = 1; next } open && /^\.El/ { exit 1 } { open = 0 }' "$page" || miss "$page" "entries of a list"
done

# every hook is in its page, with its prototype
sed -n 's/^    X(\([a-z_]*\), \([a-z_ *]*\), \((.*)\)) *\\*$/\1|\2 \1\3/p' "$top/include/ec/hook.h" > "manual-hooks.$$"
while IFS='|' read -r hook prototype; do
    grep -q -x "### $hook" "$top/doc/hooks.md" || miss doc/hooks.md "$hook"
    grep -q -x -F "\`$prototype\`" "$top/doc/hooks.md" || miss doc/hooks.md "$prototype"
done < "manual-hooks.$$"
for hook in $(sed -n 's/^### //p' "$top/doc/hooks.md" | sort | uniq -d); do
    miss "one section only, doc/hooks.md has two" "$hook"
done
for hook in $(sed -n 's/^### //p' "$top/doc/hooks.md"); do
    grep -q "^$hook|" "manual-hooks.$$" || miss include/ec/hook.h "$hook, which doc/hooks.md has"
done
test "$(wc -l < "manual-hooks.$$")" -gt 20 || miss "this test" "most hooks: is the pattern still right?"
rm -f "manual-hooks.$$"
# every number of a problem is in the page of the language
sed -n 's/.* X([A-Z_]*, \([0-9]\{5\}\),.*/\1/p' "$top/server/conf/conf.h" > "manual-numbers.$$"
while read -r number; do
    grep -q "CFG-$number" "$top/doc/config-language.md" || miss doc/config-language.md "CFG-$number"
done < "manual-numbers.$$"
test -s "manual-numbers.$$" || miss "this test" "any number: is the pattern still right?"
rm -f "manual-numbers.$$"
exit $failed

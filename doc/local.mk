# doc: the manual
dist_man_MANS += doc/man/ecelerity.8
EXTRA_DIST += doc/safer-defaults.md

# server/conf: the language and its tables; ask/: what is in force and why; live/: changing it while it runs
libserver_la_SOURCES += %D%/conf.h %D%/options.def %D%/options_documented.def \
  %D%/autoload.c %D%/bindings.c %D%/build.c %D%/chain.c %D%/check.c %D%/check.h %D%/documented.c %D%/documented_modules.def %D%/generation.c \
  %D%/include.c %D%/include.h %D%/kind.c %D%/kind.h %D%/last.c %D%/lexer.c %D%/lexer.h \
  %D%/load.c %D%/match.c %D%/names.c %D%/options.c %D%/options.h %D%/origin.c %D%/origin.h %D%/parse.c %D%/parse.h \
  %D%/problem.c %D%/problem.h %D%/raw.c %D%/same.c %D%/scopes.c %D%/scopes.h %D%/tree.c %D%/tree.h \
  %D%/value.c %D%/value.h %D%/view.c %D%/view.h

libserver_la_SOURCES += \
  %D%/ask/ask.h %D%/ask/ask_private.h \
  %D%/ask/check.c \
  %D%/ask/commands.c \
  %D%/ask/eval.c \
  %D%/ask/explain.c %D%/ask/explain.h \
  %D%/ask/locate.c \
  %D%/ask/options.c \
  %D%/ask/path.c %D%/ask/path.h \
  %D%/ask/show.c %D%/ask/show.h %D%/ask/show_commands.c %D%/ask/show_json.c %D%/ask/show_private.h %D%/ask/show_text.c %D%/ask/show_xml.c \
  %D%/ask/type.c %D%/ask/type.h

libserver_la_SOURCES += \
  %D%/live/clone.c %D%/live/clone.h \
  %D%/live/diff.c %D%/live/diff.h \
  %D%/live/draft.c %D%/live/draft.h \
  %D%/live/change.c %D%/live/commit.c %D%/live/task.c %D%/live/task.h \
  %D%/live/report.c %D%/live/report.h \
  %D%/live/transaction.c %D%/live/transaction.h \
  %D%/live/edit.c %D%/live/edit.h %D%/live/edit_private.h %D%/live/block.c %D%/live/value_edit.c \
  %D%/live/plan.c %D%/live/plan.h \
  %D%/live/disk.c %D%/live/disk.h \
  %D%/live/writeback.c %D%/live/writeback.h %D%/live/writeback_commands.c \
  %D%/live/words.c %D%/live/words.h

# doc: the manual.  Pages that list options are made from the option tables by tools/genman.
dist_man_MANS += %D%/man/ecelerity.8 %D%/man/eccmgr.8 %D%/man/ec_console.1 %D%/man/ec_ctl.1 %D%/man/eccmgr_ctl.1 %D%/man/ec_dump_config.1 %D%/man/jlogctl.1 %D%/man/validate_config.1 %D%/man/smtpload.1 %D%/man/smtpsink.1
man_MANS = %D%/man/ecelerity.conf.5
dist_doc_DATA = %D%/README.md %D%/getting-started.md %D%/configuration.md %D%/config-language.md \
  %D%/safer-defaults.md %D%/hooks.md %D%/delivery.md %D%/limits.md %D%/logs.md %D%/console.md %D%/eccmgr.md %D%/spool.md %D%/troubleshooting.md %D%/performance.md \
  %D%/cluster.md %D%/cluster-shared.md %D%/cluster-modules.md
doc_DATA = %D%/options-status.md
tutorialdir = $(docdir)/module-tutorial
dist_tutorial_DATA = %D%/module-tutorial/README.md %D%/module-tutorial/doorman.c %D%/module-tutorial/test_doorman.py
EXTRA_DIST += %D%/man/ecelerity.conf.5.in
CLEANFILES += %D%/man/ecelerity.conf.5 %D%/options-status.md

%D%/man/ecelerity.conf.5: %D%/man/ecelerity.conf.5.in tools/genman/genman$(EXEEXT) $(module_LTLIBRARIES)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	  tools/genman/genman$(EXEEXT) page $(srcdir)/%D%/man/ecelerity.conf.5.in $(module_LTLIBRARIES) > $@.tmp && \
	  sed 's|@confdir@|$(confdir)|g' $@.tmp > $@ && rm -f $@.tmp

%D%/options-status.md: tests/unit/conf/documented.txt tools/genman/genman$(EXEEXT) $(module_LTLIBRARIES)
	$(AM_V_GEN)$(MKDIR_P) $(@D) && \
	  tools/genman/genman$(EXEEXT) status $(srcdir)/tests/unit/conf/documented.txt $(module_LTLIBRARIES) > $@.tmp && \
	  mv -f $@.tmp $@

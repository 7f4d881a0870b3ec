# ecxs and ecelerity.pc: what builds a module outside of this tree
bin_SCRIPTS = %D%/ecxs
pkgconfigdir = $(libdir)/pkgconfig
pkgconfig_DATA = %D%/ecelerity.pc
dist_man_MANS += doc/man/ecxs.1
EXTRA_DIST += %D%/ecxs.in %D%/ecelerity.pc.in
CLEANFILES += %D%/ecxs %D%/ecelerity.pc
fill_places = sed -e 's|[@]prefix[@]|$(prefix)|g' -e 's|[@]exec_prefix[@]|$(exec_prefix)|g' -e 's|[@]libdir[@]|$(libdir)|g' \
  -e 's|[@]includedir[@]|$(includedir)|g' -e 's|[@]moduledir[@]|$(moduledir)|g' -e 's|[@]VERSION[@]|$(VERSION)|g' \
  -e 's|[@]CC[@]|$(CC)|g' -e 's|[@]APR_CFLAGS[@]|$(APR_CFLAGS)|g' -e 's|[@]APR_LIBS[@]|$(APR_LIBS)|g'

%D%/ecxs: %D%/ecxs.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(fill_places) $(srcdir)/%D%/ecxs.in > $@.tmp && chmod +x $@.tmp && mv -f $@.tmp $@

%D%/ecelerity.pc: %D%/ecelerity.pc.in Makefile
	$(AM_V_GEN)$(MKDIR_P) $(@D) && $(fill_places) $(srcdir)/%D%/ecelerity.pc.in > $@.tmp && mv -f $@.tmp $@

dnl SPDX-License-Identifier: Apache-2.0
dnl AX_C_GNU17 - put the compiler into gnu17 mode, or stop.
AC_DEFUN([AX_C_GNU17], [
  AC_MSG_CHECKING([whether $CC accepts -std=gnu17])
  ax_saved_CFLAGS=$CFLAGS
  CFLAGS="$CFLAGS -std=gnu17"
  AC_COMPILE_IFELSE([AC_LANG_PROGRAM([], [])],
    [AC_MSG_RESULT([yes])], [AC_MSG_RESULT([no]); AC_MSG_ERROR([a C17 compiler is needed])])
  CFLAGS=$ax_saved_CFLAGS
  STD_CFLAGS=-std=gnu17
  AC_SUBST([STD_CFLAGS])
])

/* rundir_test.c - whom a console believes
 * SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/rundir.h"
#include "runner.h"

static char top[] = "/tmp/ec-rundir-test.XXXXXX";
static rundir_t dir;

static void make(int mode, int is_private)
{
    ck_assert_ptr_nonnull(mkdtemp(top));
    snprintf(dir.path, sizeof dir.path, "%s/run", top);
    dir.is_private = is_private;
    ck_assert_int_eq(mkdir(dir.path, 0700), 0);
    ck_assert_int_eq(chmod(dir.path, (mode_t)mode), 0);
}

static void remove_top(void)
{
    char command[128];

    snprintf(command, sizeof command, "rm -rf %s", top);
    ck_assert_int_eq(system(command), 0);
}

static const struct {
    int mode, is_private, want;
} modes[] = {
    { 0700, 1, 1 }, { 0755, 1, 1 }, { 0770, 1, 0 }, { 0777, 1, 0 },  { 01777, 1, 0 },
    { 0755, 0, 1 }, { 0775, 0, 1 }, { 0777, 0, 0 }, { 01777, 0, 0 },
};

START_TEST(modes_are_looked_at)
{
    make(modes[_i].mode, modes[_i].is_private);
    ck_assert_int_eq(rundir_is_trusted(&dir), modes[_i].want);
    ck_assert_int_eq(rundir_open(&dir), modes[_i].want);
}
END_TEST

START_TEST(another_ones_folder_is_not_private)
{
    if (geteuid() != 0) {
        return; /* only root can give a folder away */
    }
    make(0700, 1);
    ck_assert_int_eq(chown(dir.path, 1, 1), 0);
    ck_assert_int_eq(rundir_is_trusted(&dir), 0);
}
END_TEST

START_TEST(a_link_is_not_private)
{
    rundir_t link = { .is_private = 1 };

    make(0700, 1);
    snprintf(link.path, sizeof link.path, "%s/link", top);
    ck_assert_int_eq(symlink(dir.path, link.path), 0);
    ck_assert_int_eq(rundir_is_trusted(&link), 0);
}
END_TEST

/* Root makes it and gives it away, but not a folder of others. */
START_TEST(given_to_the_servers_user)
{
    static const struct {
        const char *name;
        int is_there;
        uid_t want;
    } folders[] = { { "new", 0, 1 }, { "ecelerity", 1, 1 }, { "shared", 1, 0 } };
    char path[RUNDIR_PATH];
    struct stat st;

    if (geteuid() != 0) {
        return;
    }
    ck_assert_ptr_nonnull(mkdtemp(top));
    snprintf(path, sizeof path, "%s/%s", top, folders[_i].name);
    if (folders[_i].is_there) {
        ck_assert_int_eq(mkdir(path, 0755), 0);
    }
    setenv("EC_RUNDIR", path, 1);
    ck_assert_int_eq(rundir_give(1, 1), 0);
    ck_assert_int_eq(stat(path, &st), 0);
    ck_assert_uint_eq(st.st_uid, folders[_i].want);
}
END_TEST

START_TEST(a_socket_is_not_overwritten)
{
    char path[RUNDIR_PATH];

    make(0700, 1);
    snprintf(path, sizeof path, "%s/console.path", dir.path);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_ne(rundir_announce(&dir, "/run/one"), 0);
    ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

START_TEST(announced_and_withdrawn)
{
    char path[RUNDIR_PATH], deflt[RUNDIR_PATH];

    make(0700, 1);
    rundir_default_socket(deflt, &dir);
    rundir_socket(path, &dir);
    ck_assert_str_eq(path, deflt);
    ck_assert_int_eq(rundir_announce(&dir, "/run/one"), 0);
    ck_assert_int_eq(rundir_announce(&dir, "/run/two"), 0);
    rundir_socket(path, &dir);
    ck_assert_str_eq(path, "/run/two");
    rundir_withdraw(&dir, "/run/one"); /* the second server has taken over */
    rundir_socket(path, &dir);
    ck_assert_str_eq(path, "/run/two");
    dir.is_manager = 1; /* has a place of its own */
    rundir_socket(path, &dir);
    ck_assert_ptr_nonnull(strstr(path, "/eccmgr.2025"));
    ck_assert_int_eq(rundir_announce(&dir, "/run/manager"), 0);
    rundir_socket(path, &dir);
    ck_assert_str_eq(path, "/run/manager");
    rundir_withdraw(&dir, "/run/manager");
    dir.is_manager = 0;
    rundir_withdraw(&dir, "/run/two");
    rundir_socket(path, &dir);
    ck_assert_str_eq(path, deflt);
}
END_TEST

START_TEST(the_list_follows_the_environment)
{
    rundir_t dirs[RUNDIR_MAX];

    ck_assert_ptr_nonnull(mkdtemp(top));
    setenv("EC_RUNDIR", top, 1);
    ck_assert_int_eq(rundir_list(dirs), 1);
    ck_assert_str_eq(dirs[0].path, top);
    setenv("EC_RUNDIR", "relative", 1);
    ck_assert_int_eq(rundir_list(dirs), 0);
    unsetenv("EC_RUNDIR");
    setenv("XDG_RUNTIME_DIR", "/run/user/1", 1);
    ck_assert_int_eq(rundir_list(dirs), 3);
    ck_assert_int_eq(dirs[0].is_private, 0);
    ck_assert_str_eq(dirs[1].path, "/run/user/1/ecelerity");
    ck_assert(dirs[1].is_private && dirs[2].is_private);
    ck_assert_int_eq(strncmp(dirs[2].path, "/tmp/ecelerity-", 15), 0);
}
END_TEST

static void add(Suite *suite)
{
    TCase *tcase = test_case(suite, "rundir", 10);

    tcase_add_checked_fixture(tcase, NULL, remove_top);
    tcase_add_loop_test(tcase, modes_are_looked_at, 0, TEST_COUNT(modes));
    tcase_add_test(tcase, another_ones_folder_is_not_private);
    tcase_add_test(tcase, a_link_is_not_private);
    tcase_add_loop_test(tcase, given_to_the_servers_user, 0, 3);
    tcase_add_test(tcase, a_socket_is_not_overwritten);
    tcase_add_test(tcase, announced_and_withdrawn);
    tcase_add_test(tcase, the_list_follows_the_environment);
}

TEST_MAIN("control/rundir", add)

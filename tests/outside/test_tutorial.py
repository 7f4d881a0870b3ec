# SPDX-License-Identifier: Apache-2.0
"""The tutorial does what it says: built with ecxs, built with pkg-config, loaded, used, changed while it runs."""
import os
import shutil
import sys

import pytest

from lab import PREFIX, new_address, program


def copy_tutorial(kit):
    folder = os.path.join(PREFIX, "share", "doc", "ecelerity", "module-tutorial")
    for name in os.listdir(folder):
        shutil.copy(os.path.join(folder, name), kit.dir)


def build_with_ecxs(kit):
    kit.ecxs("-c", "doorman.c")


def build_with_pkg_config(kit):
    flags = kit.run("pkg-config", "--cflags", "ecelerity").stdout.split()
    kit.run("cc", "-shared", "-fPIC", *flags, "-o", "doorman.so", "doorman.c")


@pytest.mark.parametrize("build", [build_with_ecxs, build_with_pkg_config])
def test_the_tutorial_works(kit, build):
    copy_tutorial(kit)
    build(kit)
    kit.env.update(EC_PREFIX=PREFIX, EC_TEST_ADDRESS=f"{new_address()}:2525")
    assert "all tests passed" in kit.run(sys.executable, "test_doorman.py").stdout


def test_the_page_shows_what_is_there(kit):
    """Every header that the page names is installed, and the refusal it quotes is what init says."""
    copy_tutorial(kit)
    page = (kit.dir / "README.md").read_text()
    include = kit.ecxs("-q", "includedir").stdout.strip()
    for word in page.replace("`", " ").replace(")", " ").replace("(", " ").split():
        if word.startswith("ec/") and word.endswith(".h"):
            assert os.path.exists(os.path.join(include, word)), word
    assert "refuse wants a domain, without @" in page


def test_ecxs_finds_mistakes_when_it_builds(kit):
    (kit.dir / "typo.c").write_text("#include <ec/module.h>\n"
                                    "struct s { int x; };\n"
                                    "static ec_verdict_t on(void *self, const char *x) { return EC_CONTINUE; }\n"
                                    "static const ec_hook_t hooks[] = { EC_HOOK(smtp_connect, on), EC_HOOK_END };\n"
                                    "EC_MODULE(typo, struct s, .hooks = hooks);\n")
    run = kit.ecxs("-c", "typo.c", ok=False)
    assert run.returncode == 1 and "smtp_connect" in run.stderr + run.stdout
    (kit.dir / "nobody.c").write_text("#include <ec/module.h>\nvoid ec_nobody(void);\nstruct s { int x; };\n"
                                      "static void stop(void *self) { ec_nobody(); }\n"
                                      "EC_MODULE(nobody, struct s, .stop = stop);\n")
    run = kit.ecxs("-c", "nobody.c", ok=False)
    assert run.returncode == 1 and "ec_nobody" in run.stderr
    (kit.dir / "nothing.c").write_text("int nothing;\n")
    run = kit.ecxs("-c", "nothing.c", ok=False)
    assert run.returncode == 1 and "EC_MODULE" in run.stderr
    assert not (kit.dir / "nothing.so").exists()
    assert kit.ecxs("-c", "no-name.c", ok=False).returncode == 1
    assert kit.ecxs("--help").stdout.startswith("usage: ecxs")


def test_ecxs_takes_what_compilers_take(kit):
    """Folders and values with spaces, an option and its value in two words; and it says what it can not do."""
    (kit.dir / "a b").mkdir()
    (kit.dir / "c d").mkdir()
    (kit.dir / "a b" / "one.h").write_text("#define ONE 1\n")
    (kit.dir / "c d" / "two.h").write_text("#define TWO 2\n")
    (kit.dir / "s p.c").write_text('#include <ec/module.h>\n#include <one.h>\n#include <two.h>\n'
                                   'struct s { int x; };\nstatic const char text[] = TEXT;\n'
                                   '_Static_assert(ONE + TWO == 3 && sizeof(text) == 11 && N == 7, "");\n'
                                   'EC_MODULE(spaces, struct s, .summary = text);\n')
    kit.ecxs("-c", "s p.c", "-o", "spaces.so", "-I", "a b", f"-I{kit.dir}/c d", '-DTEXT="it\'s $HOME"', "-D", "N=7")
    assert (kit.dir / "spaces.so").exists()
    (kit.dir / "x.cc").write_text("")
    mixed = kit.ecxs("-c", "s p.c", "x.cc", ok=False)
    assert mixed.returncode == 1 and "C and C++" in mixed.stderr, mixed.stderr
    dangling = kit.ecxs("-c", "s p.c", "-I", ok=False)
    assert dangling.returncode == 1 and "-I wants" in dangling.stderr, dangling.stderr


def test_ecxs_installs_by_renaming(kit):
    """A server that reads its modules meanwhile sees the old file or the new one, whole."""
    kit.env["EC_MODULEDIR"] = str(kit.dir / "modules")
    (kit.dir / "m.c").write_text('#include <ec/module.h>\nstruct s { int x; };\nEC_MODULE(m, struct s, .summary = "m");\n')
    before = {}
    for step in range(2):
        (kit.dir / "m.ecm").write_text(f"# {step}\n")
        kit.ecxs("-c", "m.c", "-i")
        files = {p.name: p.stat().st_ino for p in (kit.dir / "modules").iterdir()}
        assert sorted(files) == ["m.ecm", "m.so"]
        held = [open(kit.dir / "modules" / name) for name in files]  # an inode that is held is not used again
        assert not set(files.items()) & set(before.items())
        before = files
        assert (kit.dir / "modules" / "m.ecm").read_text() == f"# {step}\n"
    assert held

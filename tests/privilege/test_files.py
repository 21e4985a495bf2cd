# SPDX-License-Identifier: MIT
# Where few files may be open, each backend works or says that this is why it does not, and never that it is for another
# reason. Usage: test_files.py SOCKTALLY
import resource
import subprocess
import sys
import unittest

BACKENDS = ("ebpf", "netlink", "packet", "procfs", "auto")
FEW = (4, 6, 8, 12, 16)  # with fewer, the libraries cannot be loaded
ENOUGH = 64
UNAVAILABLE = 4
CAUSE = "the limit of open files is too low: "


class Files(unittest.TestCase):
    def run_with(self, files, *arguments):
        limit = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
        return subprocess.run([sys.argv[1], *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              preexec_fn=limit)

    def test_few(self):
        for backend in BACKENDS:
            for files in FEW:
                for window in ("1ms", "0"):
                    with self.subTest(backend=backend, files=files, window=window):
                        result = self.run_with(files, "-b", backend, "-d", window)
                        self.assertEqual(result.returncode, UNAVAILABLE)
                        self.assertEqual(result.stdout, "")
                        self.assertIn(CAUSE, result.stderr)
                        self.assertTrue(result.stderr.endswith("socktally: to fix it: ulimit -n 1024\n"))
                        self.assertEqual(result.stderr.count("\n"), 2)

    def test_doctor(self):
        result = self.run_with(FEW[0], "doctor", "-f", "tsv", "-n")
        self.assertEqual(result.returncode, UNAVAILABLE)
        for line in result.stdout.splitlines():
            self.assertRegex(line, "\tdeclined\tthe limit of open files is too low: \\d+ more are needed\tulimit -n 1024$")

    def test_enough(self):
        for backend in BACKENDS:
            for window in ("1ms", "0"):
                with self.subTest(backend=backend, window=window):
                    result = self.run_with(ENOUGH, "-b", backend, "-d", window)
                    self.assertIn(result.returncode, (0, UNAVAILABLE))
                    self.assertNotIn(CAUSE, result.stderr)


unittest.main(argv=sys.argv[:1])

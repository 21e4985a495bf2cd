# SPDX-License-Identifier: MIT
# Golden and real JSON against the installed schema. Usage: test_schema.py SCHEMA EXPECTED_DIRECTORY SOCKTALLY
# Leaves with 77 (skipped) where the jsonschema module is missing.
import copy
import json
import pathlib
import subprocess
import sys
import unittest

try:
    import jsonschema
except ImportError:
    print("skipped: there is no Python module jsonschema (Debian: python3-jsonschema)")
    sys.exit(77)

SCHEMA = json.loads(pathlib.Path(sys.argv[1]).read_text())
GOLDEN = sorted(pathlib.Path(sys.argv[2]).glob("*.json"))
REPORTS = sorted(pathlib.Path(sys.argv[2]).parent.glob("report/expected/*.json"))
PROGRAM = sys.argv[3]
DNS_KEYS = ("query", "query_type", "resolver", "outcome")  # tests/interop/test_dns.py has documents of these
KEYS = [key for key in SCHEMA["properties"]["by"]["examples"] if key not in DNS_KEYS]


def refuse_constant(name):
    raise ValueError(f"{name} is no JSON")


def unique_members(pairs):
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError(f"a member twice: {pairs}")
    return members


def parse(data):
    return json.loads(data.decode("utf-8", "strict"), parse_constant=refuse_constant, object_pairs_hook=unique_members)


class Schema(unittest.TestCase):
    def setUp(self):
        self.validator = jsonschema.Draft202012Validator(SCHEMA)

    def require_valid(self, document):
        errors = [f"{error.json_path}: {error.message}" for error in self.validator.iter_errors(document)]
        self.assertEqual(errors, [])
        self.require_described(document)

    def require_described(self, document):
        """The schema lets programs meet what a later version adds; this version adds nothing that it does not describe."""
        kinds = SCHEMA["$defs"]
        rows = document[self.array_of(document["by"])]
        objects = [(document, SCHEMA), (document["totals"], kinds["totals"])]
        objects += [(note, kinds["note"]) for note in document["notes"]] + [(row, kinds["row"]) for row in rows]
        if document["by"] != "interface":
            objects += [(interface, kinds["interface"]) for interface in document["interfaces"]]
        for members, schema in objects:
            self.assertLessEqual(set(members), set(schema["properties"]))
            for name, value in members.items():
                words = schema["properties"][name].get("examples")
                if words and name != "by" and value is not None:
                    self.assertIn(value, words)

    def array_of(self, by):
        arrays = {rule["if"]["properties"]["by"].get("const"): rule["then"]["required"][0] for rule in SCHEMA["anyOf"][1]["allOf"]}
        return arrays.get(by, "rows")

    def test_schema_itself(self):
        jsonschema.Draft202012Validator.check_schema(SCHEMA)

    def test_golden(self):
        seen = set()
        for path in GOLDEN:
            with self.subTest(path.name):
                document = parse(path.read_bytes())
                self.require_valid(document)
                seen.add(document["by"])
        self.assertEqual(seen, set(KEYS))

    def test_reports(self):
        for path in REPORTS:
            with self.subTest(path.name):
                lines = path.read_bytes().splitlines(keepends=True)
                self.require_valid(parse(b"".join(line for line in lines if not line.startswith(b"! "))))
        self.assertGreater(len(REPORTS), 3)

    def test_real(self):
        for key in KEYS:
            for options in (["-d", "0", "--all"], ["-d", "50ms", "--top", "2"]):
                with self.subTest(key, options=options):
                    command = [PROGRAM, "-q", "-f", "json", "--by", key, *options]
                    result = subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, timeout=60)
                    if result.returncode == 4:
                        self.skipTest(result.stderr.decode())
                    self.assertEqual((result.returncode, result.stderr), (0, b""))
                    self.assertTrue(result.stdout.endswith(b"}\n"))
                    self.require_valid(parse(result.stdout))

    def test_schema_refuses(self):
        """A schema that takes anything would prove nothing."""
        good = parse(next(path for path in GOLDEN if path.name == "process.json").read_bytes())
        self.require_valid(good)

        def wrong(change):
            document = copy.deepcopy(good)
            change(document)
            self.assertFalse(self.validator.is_valid(document), change)

        wrong(lambda document: document.pop("totals"))
        wrong(lambda document: document.pop("processes"))
        wrong(lambda document: document.update(schema="socktally/2"))
        wrong(lambda document: document.update(by="connection"))
        wrong(lambda document: document.update(complete="yes"))
        wrong(lambda document: document.update(started_at="2026-11-20 21:32:00"))
        wrong(lambda document: document["processes"][0].update(rx_bytes="1"))
        wrong(lambda document: document["processes"][0].update(rx_bytes=-1))
        wrong(lambda document: document["processes"][0].update(rx_bytes=1.5))
        wrong(lambda document: document.update(by="process,remote"))
        wrong(lambda document: document.update(by="process,"))
        wrong(lambda document: document["notes"][0].update(code="Not Kebab"))
        wrong(lambda document: document["interfaces"][0].pop("name"))

        def later(change):
            document = copy.deepcopy(good)
            change(document)
            self.assertTrue(self.validator.is_valid(document), change)
            with self.assertRaises(AssertionError):
                self.require_described(document)

        later(lambda document: document["processes"][0].update(surprise=1))
        later(lambda document: document["processes"][0].update(kind="surprise"))
        later(lambda document: document["notes"][0].update(surprise=1))
        later(lambda document: document.update(surprise=1))


unittest.main(argv=sys.argv[:1])

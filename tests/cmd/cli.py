#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The program as people use it. Each class is one test of ctest; methods are sentences.

Usage: cli.py CLASS --riacho PROGRAM --root SOURCES
"""

import argparse
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import unittest
import urllib.error
import urllib.request

import program
from program import SEED, TAMAGHOST, Case, Worker, run, verbs

NOTES = """apiVersion: riacho/v1
kind: Topology
metadata: {name: notes}
spec:
  streams:
    notes: {topic: notes, keyType: string, valueType: long, partitions: 3}
  stores:
    newest: {type: keyValue, keyType: string, valueType: long}
  onError:
    deserialize: {action: deadLetter}
  pipelines:
    keep:
      from: notes
      via: [{id: keepNewest, toTable: {}, store: newest}]
"""


class Words(Case):
    """What the program says about itself, and what it says to a bad command line."""

    def test_an_address_or_a_place_that_is_none_ends_with_2(self):
        self.fails(2, "%20", "query", "/api/ pets")
        self.fails(2, "is no place to begin", "topic", "consume", "births", "--from", "yesterday")

    def test_without_a_verb_it_prints_the_help_and_ends_with_2(self):
        self.assertIn("Usage: riacho VERB", self.ends(2)[1])

    def test_help_lists_every_verb_with_its_summary(self):
        self.assertIn("topic consume", verbs())
        self.assertIn("run", verbs())
        self.assertGreater(len(verbs()), 18)

    def test_every_verb_has_help_that_names_it(self):
        for verb in verbs():
            with self.subTest(verb=verb):
                self.assertIn(f"Usage: riacho {verb}", self.works(*verb.split(), "--help"))

    def test_every_verb_refuses_a_flag_that_it_does_not_have(self):
        for verb in verbs():
            with self.subTest(verb=verb):
                self.fails(2, "unrecognized option '--no-such-flag'", *verb.split(), "--no-such-flag")

    def test_every_verb_refuses_too_many_words(self):
        for verb in ["version", "completion", "topic ls", "dlq ls", "store ls", "config list", "topic consume a", "query /a", "store get a b"]:
            with self.subTest(verb=verb):
                self.fails(2, "one argument too many", *verb.split(), "surplus")

    def test_every_verb_that_needs_a_word_says_so(self):
        for verb in ["run", "validate", "graph", "test", "generate", "topic create", "topic consume", "store get", "store get a", "store scan",
                     "store top", "query", "config explain"]:
            with self.subTest(verb=verb):
                self.fails(2, "an argument is missing", *verb.split())

    def test_an_unknown_verb_is_refused_with_the_one_that_was_meant(self):
        self.fails(2, "there is no verb 'validat'; did you mean 'validate'", "validat")
        self.fails(2, "there is no verb 'xyzzy'", "xyzzy")

    def test_half_a_verb_is_completed_by_its_second_words(self):
        self.fails(2, "topic: say one of: ls, create, produce, consume", "topic")
        self.fails(2, "'list' is not a verb; say one of: ls, show", "dlq", "list")

    def test_a_flag_that_needs_a_value_says_so(self):
        self.fails(2, "requires an argument", "topic", "ls", "--data")

    def test_numbers_are_checked(self):
        for args in [("topic", "consume", "a", "--count", "few"), ("topic", "consume", "a", "--partition", "-1"),
                     ("store", "scan", "a", "--limit", "1e3"), ("topic", "create", "a", "--partitions", "0"),
                     ("topic", "create", "a", "--partitions", "1025"), ("topic", "create", "a", "--retention", "7 days"),
                     ("generate", "tamaghost", "--count", "x")]:
            with self.subTest(args=args):
                self.fails(2, "--(count|partition|limit|partitions|retention):? ", *args)

    def test_version_is_text_or_json(self):
        self.assertRegex(self.works("version"), r"^riacho \d+\.\d+\.\d+ \(RocksDB \S+, (librdkafka \d\S+ (pinned|system)|built without Kafka)\)$")
        self.assertEqual(self.works("--version"), self.works("version"))
        told = json.loads(self.works("version", "--json"))
        self.assertEqual(set(told), {"riacho", "rocksdb", "librdkafka"})
        if told["librdkafka"]:
            self.assertRegex(self.works("version"), re.escape("{version} {origin})".format(**told["librdkafka"])))

    def complete(self, *words):
        script = 'source "$1"; shift; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _riacho; printf "%s\\n" "${COMPREPLY[@]}"'
        file = self.write("completion", self.works("completion"))
        done = subprocess.run(["bash", "-eu", "-c", script, "bash", file, *words], capture_output=True, text=True, cwd=self.folder, check=True)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_the_completion_script_completes_verbs_their_second_words_and_flags(self):
        self.assertIn("validate", self.complete("riacho", ""))
        self.assertEqual(len(self.complete("riacho", "")), len(set(self.complete("riacho", ""))))
        self.assertEqual(self.complete("riacho", "gen"), ["generate"])
        self.assertEqual(self.complete("riacho", "topic", "c"), ["create", "consume"])
        self.assertEqual(self.complete("riacho", "topic", "consume", "--fo"), ["--follow"])
        self.assertEqual(self.complete("riacho", "run", "--li"), ["--listen", "--libraries"])

    def test_stdout_that_goes_away_is_no_crash(self):
        for verb in (["--help"], ["config", "list"], ["completion"]):
            with subprocess.Popen([program.RIACHO, *verb], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
                child.stdout.close()
                self.assertGreaterEqual(child.wait(timeout=10), 0, f"{verb} died of a signal")


class Files(Case):
    """validate, graph, test, generate: without a worker."""

    def test_a_good_topology_is_validated(self):
        self.assertRegex(self.works("validate", TAMAGHOST), r"tamaghost: ok, \d+ steps in 2 sub-topologies, 6 stores, hash [0-9a-f]{16}")
        self.assertEqual(json.loads(self.works("validate", TAMAGHOST, "--json")), [])

    def test_a_topology_is_validated_without_its_libraries(self):
        self.fails(65, "library 'tamaghost'", "validate", TAMAGHOST, "--libraries", self.folder)
        self.works("validate", TAMAGHOST, "--libraries", self.folder, "--no-libraries")

    def test_every_issue_is_told_with_its_place_and_what_was_meant(self):
        bad = self.write("bad.yaml", NOTES.replace("notes, keyType: string, valueType", "notes, keyType: string, valeuType"))
        err = self.fails(65, r"bad\.yaml:6:\d+: error: unknown key 'valeuType'", "validate", bad)
        self.assertIn("did you mean 'valueType'?", err)
        issues = json.loads(self.ends(65, "validate", "--json", bad)[0])
        self.assertIn("unknown key 'valeuType' in a stream", [issue["message"] for issue in issues])
        self.assertTrue(all(issue["line"] >= 6 and issue["file"] == bad for issue in issues))

    def test_a_slip_is_answered_with_the_way_out(self):
        with open(os.path.join(program.ROOT, TAMAGHOST), encoding="utf-8") as file:
            tamaghost = file.read()
        schemas = ["--schemas", os.path.join(program.ROOT, "schemas")]
        store = self.write("store.yaml", re.sub(r"store: pets\b", "store: petz", tamaghost))
        self.fails(65, "did you mean 'pets' there", "validate", store, *schemas)
        library = self.write("library.yaml", tamaghost.replace("libraries: [tamaghost]", "libraries: [tamagost]"))
        line = tamaghost.split("libraries: [tamaghost]")[0].count("\n") + 1
        self.fails(65, rf"library.yaml:{line}:\d+: error: library 'tamagost'", "validate", library, *schemas)
        self.fails(65, "name the one with the schemas with --schemas", "validate", self.write("alone.yaml", tamaghost))
        self.fails(65, "there are two topologies 'tamaghost'", "validate", self.path("alone.yaml"), self.path("alone.yaml"), *schemas)
        self.fails(65, "no folder of schemas 'schemas' here: name it with --schemas", "generate", "tamaghost", "--count", "1", cwd=self.folder)

    def test_a_topology_that_does_nothing_is_warned_of(self):
        empty = self.write("empty.yaml", "apiVersion: riacho/v1\nkind: Topology\nmetadata: {name: x}\nspec: {}\n")
        self.assertIn("warning: topology 'x' does nothing", self.ends(0, "validate", empty)[1])
        self.ends(65, "validate", empty, "--deny-warnings")

    def test_issues_of_several_files_are_one_json_array(self):
        first = self.write("first.yaml", NOTES.replace("long", "lnog"))
        second = self.write("second.yaml", NOTES.replace("string", "sting"))
        good = self.write("good.yaml", NOTES)
        issues = json.loads(self.ends(65, "validate", "--json", first, good, second)[0])
        self.assertEqual({os.path.basename(issue["file"]) for issue in issues}, {"first.yaml", "second.yaml"})

    def test_what_is_not_yaml_not_there_or_not_a_topology_is_refused(self):
        self.fails(65, "not YAML", "validate", self.write("bad.yaml", "a: ["))
        self.fails(65, "none.yaml cannot be read", "validate", self.path("none.yaml"))
        self.fails(65, "no document of kind Topology|empty", "validate", self.write("empty.yaml", ""))
        self.fails(65, "error", "validate", self.write("bytes.yaml", "\x01\x02"))
        self.fails(65, "cannot be read|directory", "validate", self.folder)

    def test_a_missing_schema_is_named(self):
        bad = self.write("bad.yaml", NOTES.replace("valueType: long, partitions", "valueType: 'avro:Nothing', partitions"))
        self.fails(65, "Nothing", "validate", bad)

    def test_a_graph_has_four_formats(self):
        self.assertIn("Sub-topology: 0", self.works("graph", TAMAGHOST))
        self.assertTrue(self.works("graph", TAMAGHOST, "--format", "dot").startswith("digraph"))
        self.assertRegex(self.works("graph", TAMAGHOST, "-f", "mermaid"), r"^(flowchart|graph)")
        self.assertEqual(json.loads(self.works("graph", TAMAGHOST, "--json"))["name"], "tamaghost")
        self.fails(2, "'pdf' is not a format: text, dot, mermaid or json", "graph", TAMAGHOST, "--format", "pdf")

    def test_a_graph_is_the_same_every_time(self):
        self.assertEqual(self.works("graph", TAMAGHOST, "--json"), self.works("graph", TAMAGHOST, "--json"))

    def test_the_tests_of_an_application_pass_in_memory_and_on_disk(self):
        self.assertRegex(self.works("test", "topology/apps/tamaghost.test.yaml"), r"\d+ passed, 0 failed")
        self.works("test", "topology/apps/tamaghost.test.yaml", "--log", "embedded", "--only", "feeding_survives_a_crash_after_the_commit")

    def test_a_test_that_fails_says_what_was_expected_and_ends_with_1(self):
        self.write("notes.yaml", NOTES)
        text = "\n".join(["apiVersion: riacho/v1", "kind: TopologyTest", "metadata: {name: notes}", "spec:", "  topology: notes.yaml", "  tests:",
                          "    a_note_is_kept:", "      steps:", "        - send: {to: notes, key: a, value: 1}", "      expect:",
                          "        stores: {newest: {a: 2}}", ""])
        out, _ = self.ends(1, "test", self.write("notes.test.yaml", text))
        self.assertRegex(out, r"a_note_is_kept")
        self.assertIn("0 passed, 1 failed", out)
        self.works("test", self.write("right.test.yaml", text.replace("{a: 2}", "{a: 1}")))

    def test_a_test_file_that_is_wrong_or_a_test_that_is_not_there_is_refused(self):
        self.assertNotEqual(run("test", self.path("none.test.yaml")).returncode, 0)
        self.assertNotEqual(run("test", "topology/apps/tamaghost.test.yaml", "--only", "no_such_test").returncode, 0)
        self.ends(2, "test", "topology/apps/tamaghost.test.yaml", "--log", "paper")

    def test_a_junit_report_counts_the_tests(self):
        self.works("test", "topology/apps/tamaghost.test.yaml", "--junit", self.path("report.xml"))
        with open(self.path("report.xml"), encoding="utf-8") as file:
            self.assertRegex(file.read(), r'<testsuite[^>]* failures="0"')

    def test_generated_records_are_the_same_for_the_same_seed(self):
        first = self.works("generate", "tamaghost", "--count", "50", "--pets", "5")
        self.assertEqual(first, self.works("generate", "tamaghost", "--count", "50", "--pets", "5"))
        self.assertNotEqual(first, self.works("generate", "tamaghost", "--count", "50", "--pets", "5", "--seed", "2"))
        self.assertEqual(len(first.splitlines()), 55)
        self.assertEqual(json.loads(first.splitlines()[0])["topic"], "births")

    def test_generate_refuses_what_it_does_not_know(self):
        self.fails(2, "there is no dataset 'petz'; there is: tamaghost", "generate", "petz")
        self.assertNotEqual(run("generate", "tamaghost", "--schemas", self.folder).returncode, 0)


class Configuration(Case):
    """Flag over environment over file over default."""

    def worker_file(self, spec):
        return self.write("worker.yaml", f"apiVersion: riacho/v1\nkind: Worker\nmetadata: {{name: hand}}\nspec: {spec}\n")

    def test_every_key_is_listed_and_explained(self):
        keys = [line.split()[0] for line in self.works("config", "list").splitlines()]
        self.assertIn("http.listen", keys)
        for key in keys:
            self.assertRegex(self.works("config", "explain", key), rf"^{re.escape(key)} = ")
        self.assertEqual([setting["key"] for setting in self.lines("config", "list", "--json")], keys)
        explained = self.lines("config", "explain", "threads", "--json", RIACHO_THREADS="3")[0]
        self.assertEqual((explained["value"], explained["origin"], explained["default"]), ("3", "environment", "1"))

    def test_explain_says_which_origin_won(self):
        file = self.worker_file("{threads: 2}")
        self.assertIn("threads = 1\n  from:    default", self.works("config", "explain", "threads"))
        self.assertIn("threads = 2\n  from:    file", self.works("config", "explain", "threads", "--worker", file))
        self.assertIn("threads = 3\n  from:    environment", self.works("config", "explain", "threads", "--worker", file, RIACHO_THREADS="3"))

    def test_an_unknown_key_is_refused_with_the_one_that_was_meant(self):
        self.fails(2, "there is no key 'http.lsten'; did you mean 'http.listen'", "config", "explain", "http.lsten")
        self.fails(78, "unknown key 'thraeds'", "config", "explain", "threads", "--worker", self.worker_file("{thraeds: 2}"))
        self.fails(78, "unknown key 'thraeds'", "run", TAMAGHOST, "--data", self.path("data"), "--worker", self.worker_file("{thraeds: 2}"))

    def test_a_bad_value_says_where_it_came_from(self):
        self.fails(78, r"threads \(from environment.*'many' is not", "config", "explain", "threads", RIACHO_THREADS="many")
        for flag, value in [("--threads", "0"), ("--memory", "1MiB"), ("--memory", "lots"), ("--log", "paper"), ("--trace", "loud"),
                            ("--commit-interval", "soon"), ("--http-threads", "257")]:
            with self.subTest(flag=flag, value=value):
                self.fails(78, r"from flag", "run", TAMAGHOST, "--data", self.path("data"), flag, value)
        self.assertFalse(os.path.exists(self.path("data")), "a bad configuration made a folder")

    def test_a_worker_file_that_is_not_there_or_holds_no_worker_is_refused(self):
        self.fails(78, "none.yaml", "config", "explain", "threads", "--worker", self.path("none.yaml"))
        self.fails(78, "0 documents of kind Worker", "config", "explain", "threads", "--worker", self.write("notes.yaml", NOTES))

    def test_a_bad_origin_operator_or_address_is_refused(self):
        for flag, value, said in [("--operators", "everybody", "neither an address nor a network"), ("--listen", "here", "cannot listen"),
                                  ("--cors-origin", "https://a.example/path", "a.example")]:
            with self.subTest(flag=flag):
                err = self.fails(78, said, "run", TAMAGHOST, "--data", self.path("data" + flag), flag, value)
                self.assertIn("riacho run:", err)


class Folder(Case):
    """topic and dlq on a data folder that no worker uses."""

    def setUp(self):
        super().setUp()
        self.data = self.path("data")
        self.notes = self.write("notes.yaml", NOTES)
        with Worker(self.data, topology=self.notes):
            pass
        self.typed = ("--data", self.data, "--topology", self.notes)

    def test_topics_are_listed(self):
        self.assertRegex(self.works("topic", "ls", "--data", self.data), r"TOPIC +PARTITIONS +RECORDS +CLEANUP +KEPT\nnotes +3 +0 +delete +for ever\n")
        listed = self.lines("topic", "ls", "--data", self.data, "--json")
        self.assertEqual([topic["topic"] for topic in listed][0], "notes")
        self.assertEqual(listed[0]["partitions"], [{"partition": i, "first": 0, "next": 0} for i in range(3)])

    def test_what_is_produced_is_consumed(self):
        self.assertEqual(self.lines("topic", "produce", "notes", *self.typed, "--json", stdin='{"key":"a","value":1,"timestamp":5}\n'), [{"count": 1}])
        found = self.lines("topic", "consume", "notes", *self.typed)
        self.assertEqual([(r["topic"], r["key"], r["value"], r["timestamp"], r["offset"]) for r in found], [("notes", "a", 1, 5, 0)])

    def test_without_types_keys_and_values_are_base64_and_go_back_the_same(self):
        self.works("topic", "produce", "notes", *self.typed, stdin='{"key":"a","value":1}\n')
        raw = self.works("topic", "consume", "notes", "--data", self.data)
        self.assertEqual((json.loads(raw)["key"], json.loads(raw)["value"]), ("YQ==", "AAAAAAAAAAE="))
        self.works("topic", "produce", "--data", self.data, stdin=raw)
        self.assertEqual([r["value"] for r in self.lines("topic", "consume", "notes", *self.typed)], [1, 1])

    def test_types_may_be_given_by_name(self):
        self.works("topic", "produce", "notes", *self.typed, stdin='{"key":"a","value":258}\n')
        typed = ("--data", self.data, "--key-type", "string", "--value-type", "long")
        self.assertEqual(self.lines("topic", "consume", "notes", *typed)[0]["value"], 258)
        self.fails(65, "lnog", "topic", "consume", "notes", "--data", self.data, "--value-type", "lnog")

    def test_what_a_codec_refuses_is_shown_with_the_reason_and_goes_back_the_same(self):
        self.works("topic", "produce", "notes", *self.typed, stdin='{"key":"a","valueBytes":"AQI="}\n')
        line = self.works("topic", "consume", "notes", *self.typed)
        self.assertEqual(json.loads(line)["valueBytes"], "AQI=")
        self.assertTrue(json.loads(line)["valueError"])
        self.works("topic", "produce", *self.typed, stdin=line)
        self.assertEqual([r["valueBytes"] for r in self.lines("topic", "consume", "notes", *self.typed)], ["AQI=", "AQI="])

    def test_headers_go_in_and_come_out(self):
        headers = {"one": "1", "two": ["a", "b"], "raw": {"bytes": "/w=="}}
        self.works("topic", "produce", "notes", *self.typed, stdin=json.dumps({"key": "a", "value": None, "headers": headers}))
        self.assertEqual(self.lines("topic", "consume", "notes", *self.typed)[0]["headers"], headers)

    def test_a_batch_with_a_bad_line_is_not_appended_and_the_line_is_named(self):
        bad = {
            '{"key":"a","value":"one"}': r"stdin:3: value must be a whole number",
            '{"key":"a","valeu":1}': r"stdin:3: valeu is not a member of a record",
            '{"key":"a","value":1': r"stdin:3: .*ends too early",
            '{"key":"a","value":1,"partition":3}': r"stdin:3: partition notes has partitions 0 to 2",
            '{"key":"a","value":1,"topic":"other"}': r"stdin:3: topic is other, but these records go to notes",
            '{"key":"a","value":1,"headers":{"x":1}}': r"stdin:3: headers/x must be a text",
            '{"key":"a","key":"b"}': r"stdin:3: key is there twice",
            "[1]": r"stdin:3: ",
        }
        for line, said in bad.items():
            with self.subTest(line=line):
                err = self.fails(65, said, "topic", "produce", "notes", *self.typed, stdin=f'{{"key":"a","value":1}}\n\n{line}\n')
                self.assertIn("nothing of this batch was appended", err)
        self.assertEqual(self.lines("topic", "consume", "notes", *self.typed), [])
        self.fails(65, "stdin:1: topic is missing", "topic", "produce", *self.typed, stdin='{"key":"a"}')
        self.fails(65, "there is no topic 'nots'", "topic", "produce", "nots", *self.typed, stdin='{"key":"a"}')
        self.fails(65, "none.jsonl cannot be read", "topic", "produce", "notes", *self.typed, "--file", self.path("none.jsonl"))

    def test_consuming_begins_where_it_is_told(self):
        lines = "".join(f'{{"key":"a","partition":1,"value":{i},"timestamp":{1767225600000 + 1000 * i}}}\n' for i in range(10))
        self.works("topic", "produce", "notes", *self.typed, "--file", self.write("ten.jsonl", lines))

        def values(*flags):
            return [r["value"] for r in self.lines("topic", "consume", "notes", *self.typed, *flags)]
        self.assertEqual(values(), list(range(10)))
        self.assertEqual(values("--from", "earliest", "--count", "2"), [0, 1])
        self.assertEqual(values("--from", "latest"), [])
        self.assertEqual(values("--from", "7"), [7, 8, 9])
        self.assertEqual(values("--from", "notes/1:8"), [8, 9])
        self.assertEqual(values("--from", "2026-01-01T00:00:05Z"), [5, 6, 7, 8, 9])
        self.assertEqual(values("--from", "2026-01-01T00:00:05.500Z"), [6, 7, 8, 9])
        self.assertEqual(values("--from", "2025-12-31", "--count", "1"), [0])
        self.assertEqual(values("--partition", "0"), [])
        self.assertEqual(values("--count", "0"), [])
        self.fails(2, "'noon' is no place to begin", "topic", "consume", "notes", *self.typed, "--from", "noon")
        self.fails(2, "no place to begin", "topic", "consume", "notes", *self.typed, "--from", "2026-13-01")
        self.fails(2, "position of topic other", "topic", "consume", "notes", *self.typed, "--from", "other/1:8")
        self.fails(2, "position of partition 1, and --partition is 0", "topic", "consume", "notes", *self.typed, "--from", "notes/1:8", "-p", "0")
        self.fails(1, "notes has partitions 0 to 2", "topic", "consume", "notes", *self.typed, "--partition", "3")
        self.fails(1, "there is no topic 'note'; did you mean 'notes'", "topic", "consume", "note", *self.typed)

    def test_thousands_of_records_come_back_in_the_order_of_their_partition(self):
        lines = "".join(f'{{"key":"k{i % 7}","value":{i}}}\n' for i in range(5000))
        self.works("topic", "produce", "notes", *self.typed, stdin=lines)
        found = self.lines("topic", "consume", "notes", *self.typed)
        self.assertEqual(sorted(r["value"] for r in found), list(range(5000)))
        for key in {r["key"] for r in found}:
            of_key = [r["value"] for r in found if r["key"] == key]
            self.assertEqual(of_key, sorted(of_key))

    def test_a_topic_is_made_once(self):
        self.works("topic", "create", "fresh", "--data", self.data, "--partitions", "2", "--retention", "36h", "--compact")
        self.assertRegex(self.works("topic", "ls", "--data", self.data), r"fresh +2 +0 +compact +36h\n")
        self.fails(65, "fresh is there already, with 2 partitions", "topic", "create", "fresh", "--data", self.data)
        self.fails(65, "cannot name a topic", "topic", "create", "a/b", "--data", self.data)

    def test_flags_that_contradict_each_other_are_refused(self):
        self.fails(2, "give one of them", "topic", "ls", "--data", self.data, "--url", "http://127.0.0.1:1")
        self.fails(2, "--value-type needs --data", "topic", "consume", "notes", "--value-type", "long")
        self.fails(2, "--follow needs a worker", "topic", "consume", "notes", "--data", self.data, "--follow")
        self.fails(2, "--bootstrap needs --log kafka", "topic", "ls", "--bootstrap", "127.0.0.1:9")
        self.fails(2, "there is only kafka", "topic", "ls", "--log", "embedded")
        self.fails(78, "where is Kafka", "topic", "ls", "--log", "kafka")

    def test_a_folder_without_a_log_is_refused_and_left_alone(self):
        self.fails(69, "there is no log in", "topic", "ls", "--data", self.path("nowhere"))
        self.assertFalse(os.path.exists(self.path("nowhere")))

    def test_a_topology_that_is_wrong_says_no_types(self):
        self.fails(65, "the topology says no types", "topic", "consume", "notes", "--data", self.data, "--topology", self.write("bad.yaml", "a: ["))

    def test_dead_letters_are_counted_and_shown_without_a_worker(self):
        with Worker(self.data, topology=self.notes) as worker:
            self.works("topic", "produce", "notes", "-u", worker.url, stdin='{"key":"a","valueBytes":"AQI=","timestamp":7}\n')
            self.eventually(lambda: len(self.lines("dlq", "ls", "--json", "-u", worker.url)), 1)
        groups = self.lines("dlq", "ls", "--data", self.data, "--json")
        self.assertEqual([(g["from"], g["kind"], g["count"], g["topology"]) for g in groups], [("notes", "deserialize", 1, "")])
        self.assertEqual(self.lines("dlq", "ls", *self.typed, "--json")[0]["topology"], "notes")
        shown = self.lines("dlq", "show", *self.typed)
        self.assertEqual(shown[0]["key"], "a", "a dead letter is shown by the types of the topic it came from")
        self.assertEqual(shown[0]["headers"]["riacho.error.topic"], "notes")
        self.assertEqual(shown[0]["headers"]["riacho.error.timestamp"], "7")


class Running(Case):
    """One worker for all tests of a class."""

    @classmethod
    def setUpClass(cls):
        cls.data = program.tempfile.mkdtemp(prefix="riacho-cmd-")
        cls.worker = Worker(cls.data, "--seed", SEED, "--commit-interval", "20ms", "--writes-per-second", "1000", "--reads-per-second", "0")

    @classmethod
    def tearDownClass(cls):
        cls.worker.__exit__()
        program.shutil.rmtree(cls.data, ignore_errors=True)

    def ends(self, exit_code, *args, **how):
        return super().ends(exit_code, *args, **{"RIACHO_URL": self.worker.url, **how})


class Worker_(Running):
    """topic, dlq, store and query against a running worker."""

    def pet(self, name):
        self.works("topic", "produce", "births", stdin=json.dumps(
            {"key": name, "value": {"eventId": f"birth-{name}", "slug": name, "name": name, "visitor": "riacho", "atMs": 1767225600000}}))
        self.eventually(lambda: run("store", "get", "pets", name, RIACHO_URL=self.worker.url).returncode, 0)

    def test_the_seed_is_there(self):
        self.assertEqual(json.loads(self.works("store", "get", "pets", "ghostzinho"))["name"], "Ghostzinho")

    def test_generated_records_go_in_and_are_state(self):
        records = self.works("generate", "tamaghost", "--count", "600", "--pets", "7", "--seed", "5")
        self.assertIn("607 records appended", self.ends(0, "topic", "produce", stdin=records)[1])
        count = records.count('"topic":"interactions"')
        found = self.lines("topic", "consume", "interactions")
        self.assertGreaterEqual(len(found), count)
        self.eventually(lambda: len([r for r in self.lines("store", "scan", "pets", "--prefix", "pet-", "--limit", "0")]), 7)
        self.assertEqual({r["partition"] for r in self.lines("topic", "consume", "interactions", "--partition", "2")}, {2})

    def test_stores_are_listed(self):
        self.assertRegex(self.works("store", "ls"), r"TOPOLOGY +STORE +TYPE +KEY +VALUE +KEYS\n")
        self.assertIn(("pets", "keyValue"), {(s["store"], s["type"]) for s in self.lines("store", "ls", "--json")})

    def test_a_scan_follows_pages_forward_backward_and_between_keys(self):
        names = [f"scan-{i:02}" for i in range(12)]
        self.works("topic", "produce", "births", stdin="\n".join(json.dumps(
            {"key": n, "value": {"eventId": f"b-{n}", "slug": n, "name": n, "visitor": "riacho", "atMs": 1767225600000}}) for n in names))

        def keys(*flags):
            return [item["key"] for item in self.lines("store", "scan", "pets", *flags)]
        self.eventually(lambda: keys("--prefix", "scan-"), names)
        self.assertEqual(keys("--prefix", "scan-", "--limit", "5"), names[:5])
        self.assertEqual(keys("--prefix", "scan-", "--limit", "3", "--reverse"), names[:-4:-1])
        self.assertEqual(keys("--from", "scan-03", "--to", "scan-06"), names[3:6])
        self.assertEqual(keys("--prefix", "nothing-begins-so"), [])

    def test_keys_with_every_kind_of_sign_are_found(self):
        self.pet("signs")
        names = ["a/b c", "100%", "ü?&=#+", "..", "-x"]
        self.works("topic", "produce", "interactions", stdin="\n".join(json.dumps(
            {"key": "signs", "value": {"eventId": f"sign-{n}", "pet": "signs", "visitor": n, "action": "FEED", "atMs": 1767225600000}}) for n in names))
        for name in names:
            with self.subTest(name=name):
                self.eventually(lambda name=name: json.loads(run("store", "get", "wallets", "--", name, RIACHO_URL=self.worker.url).stdout or "{}").get("coins"), 1)

    def test_a_ranking_is_printed_from_its_top(self):
        self.pet("ranked")
        self.works("topic", "produce", "interactions", stdin="\n".join(json.dumps(
            {"key": "ranked", "value": {"eventId": f"feed-{i}", "pet": "ranked", "visitor": f"v{i % 2}", "action": "FEED", "atMs": 1767225600000 + i}})
            for i in range(3)))
        self.eventually(lambda: self.works("store", "top", "leaderboards", "--key", "ranked/FEED"),
                        "RANK  SCORE  MEMBER\n1     2      v0\n2     1      v1\n")
        items = self.lines("store", "top", "leaderboards", "--key", "ranked/FEED", "--limit", "1", "--json")
        self.assertEqual([(i["rank"], i["member"]) for i in items], [(1, "v0")])
        self.fails(65, "needs a key", "store", "top", "leaderboards")

    def test_what_is_not_there_ends_with_1(self):
        for args in [("store", "get", "pets", "nobody"), ("store", "scan", "petz"), ("store", "get", "petz", "a"), ("query", "/no/such/path"),
                     ("topic", "consume", "birth")]:
            with self.subTest(args=args):
                self.fails(1, "There is no such thing|there is no topic 'birth'; did you mean 'births'|no store", *args)

    def test_a_query_prints_the_reply_as_it_is(self):
        with urllib.request.urlopen(self.worker.url + "/v1/stores/pets/keys/ghostzinho") as reply:
            self.assertEqual(self.works("query", "/v1/stores/pets/keys/ghostzinho"), reply.read().decode())
        self.assertEqual(json.loads(self.works("query", "/readyz"))["status"], "ready")

    def test_a_query_that_is_refused_says_title_and_detail(self):
        self.fails(65, "The request cannot be read: there is no parameter 'limt' here", "query", "/v1/stores/pets/range?limt=3")
        self.fails(2, "'v1' is not a path", "query", "v1")
        self.fails(1, "The path does not know this method|There is no such thing", "query", "/api/pets/ghostzinho/feed")

    def test_nobody_there_ends_with_69_and_says_what_to_do(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
            for args in [("topic", "ls"), ("topic", "consume", "births"), ("dlq", "ls"), ("dlq", "show"), ("store", "ls"), ("store", "get", "a", "b"),
                         ("store", "scan", "a"), ("store", "top", "a"), ("query", "/"), ("topic", "create", "a")]:
                with self.subTest(args=args):
                    self.fails(69, "no worker answers at .*is `riacho run` running", *args, "--url", nobody)
            self.fails(69, "no worker answers", "topic", "produce", "births", "--url", nobody, stdin='{"key":"a"}')

    def test_an_address_that_is_none_is_a_usage_error(self):
        for url in ["ftp://127.0.0.1", "127.0.0.1:3000", "http://", "http://a b", "file:///etc/passwd", ""]:
            with self.subTest(url=url):
                self.fails(2, "is not the address of a worker", "store", "ls", "--url", url)
                self.fails(2, "is not the address of a worker", "topic", "ls", "--url", url)

    def test_a_server_that_is_no_worker_is_told_apart(self):
        with socket.create_server(("127.0.0.1", 0)) as server, subprocess.Popen(
                [program.RIACHO, "store", "ls", "--url", f"http://127.0.0.1:{server.getsockname()[1]}"], stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True) as child:
            peer, _ = server.accept()
            with peer:
                peer.recv(4096)
                peer.sendall(b"HTTP/1.1 418 Teapot\r\nContent-Length: 2\r\n\r\nhi")
                _, err = child.communicate(timeout=10)
            self.assertEqual(child.returncode, 1)
            self.assertIn("status 418: not a worker?", err)

    def test_following_prints_what_comes_until_it_has_enough(self):
        self.works("topic", "create", "followed", "--partitions", "2")
        with subprocess.Popen([program.RIACHO, "topic", "consume", "followed", "--follow", "--count", "3", "-u", self.worker.url],
                              stdout=subprocess.PIPE, text=True) as child:
            for i in range(3):
                time.sleep(0.1)
                self.works("topic", "produce", "followed", stdin=json.dumps({"key": None, "valueBytes": "AQ==", "partition": i % 2}))
                self.assertEqual(json.loads(child.stdout.readline())["value"], "AQ==")
            self.assertEqual(child.wait(timeout=10), 0)

    def test_a_reader_that_goes_away_ends_consuming_in_peace(self):
        self.works("topic", "create", "long")
        self.works("topic", "produce", "long", stdin="".join('{"value":"' + "A" * 4000 + '"}\n' for _ in range(300)))
        with subprocess.Popen([program.RIACHO, "topic", "consume", "long", "-u", self.worker.url], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as child:
            child.stdout.readline()
            child.stdout.close()
            self.assertEqual(child.wait(timeout=10), 0)
            self.assertEqual(child.stderr.read(), "")

    def test_lines_that_trickle_in_are_appended_at_once(self):
        self.works("topic", "create", "trickle")
        with subprocess.Popen([program.RIACHO, "topic", "produce", "trickle", "-u", self.worker.url], stdin=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True) as child:
            child.stdin.write('{"value":"AQ=="}\n{"val')
            child.stdin.flush()
            self.eventually(lambda: len(self.lines("topic", "consume", "trickle")), 1)
            child.stdin.write('ue":"Ag=="}')
            _, err = child.communicate(timeout=10)
            self.assertIn("2 records appended", err)
        self.assertEqual([r["value"] for r in self.lines("topic", "consume", "trickle")], ["AQ==", "Ag=="])

    def test_a_bad_line_is_named_by_its_number_in_the_file(self):
        self.works("topic", "create", "checked")
        good = '{"key":"a","value":null}\n'
        bad = '{"key":"pet","value":{"eventId":"x","pet":"p","visitor":"v","action":"FLY","atMs":1}}\n'
        file = self.write("lines.jsonl", good * 3 + "\n" + bad)
        err = self.fails(65, r"lines\.jsonl:5: value/action ", "topic", "produce", "interactions", "--file", file)
        self.assertIn("nothing of this batch was appended; 0 records before it were", err)
        err = self.fails(65, r"stdin:2: .*is over 65536 bytes", "topic", "produce", "checked", stdin=good + '{"value":"' + "A" * 70000 + '"}')
        self.assertIn("--data", err)
        self.assertEqual(self.lines("topic", "consume", "checked"), [])

    def test_dead_letters_say_where_they_came_from_and_why(self):
        feed = {"eventId": "nobody-1", "pet": "nobody", "visitor": "v", "action": "FEED", "atMs": 1767225600000}
        self.works("topic", "produce", "interactions", stdin=json.dumps({"key": "nobody", "value": feed, "headers": {"mine": "1"}}))

        def groups():
            return [(g["topology"], g["from"], g["step"], g["kind"], g["reason"], g["count"])
                    for g in self.lines("dlq", "ls", "--json") if "no such pet" in g["reason"]]
        self.eventually(lambda: [g[:4] + (g[5],) for g in groups()], [("tamaghost", "interactions", "pet", "process", 1)])
        self.assertRegex(self.works("dlq", "ls"), r"COUNT +TOPOLOGY +FROM +STEP +KIND +NEWEST +REASON\n(.*\n)*1 +tamaghost +interactions +pet +process .*no such pet")
        letters = [r for r in self.lines("dlq", "show") if r["key"] == "nobody"]
        self.assertEqual(letters[0]["value"]["action"], "FEED", "a dead letter is shown by the types of its first topic")
        self.assertEqual(letters[0]["headers"]["mine"], "1")
        self.assertEqual(letters[0]["headers"]["riacho.error.step"], "pet")
        self.assertEqual(self.lines("dlq", "show", "tamaghost-dlq", "--from", "latest"), [])

    def post(self, path, body, **headers):
        request = urllib.request.Request(self.worker.url + path, body.encode(), {"Content-Type": "application/json", **headers})
        try:
            with urllib.request.urlopen(request) as reply:
                return reply.status, json.loads(reply.read())
        except urllib.error.HTTPError as refused:
            return refused.code, json.loads(refused.read())

    def test_rest_takes_an_array_as_well_as_lines_and_tells_positions(self):
        self.works("topic", "create", "posted")
        self.assertEqual(self.post("/v1/topics/posted/records", '[{"value":"AQ=="},{"value":"Ag=="}]'),
                         (200, {"count": 2, "items": [{"position": "posted/0:2"}]}))
        self.assertEqual(self.post("/v1/topics/posted/records", "")[0], 200)
        status, problem = self.post("/v1/topics/posted/records", '[{"value":"AQ=="},{"value":3}]')
        self.assertEqual((status, problem["errors"][0]["pointer"]), (400, "/1/value"))
        self.assertEqual(self.post("/v1/topics/posted/records", "{")[0], 400)
        self.assertEqual(self.post("/v1/topics/none/records", '[{"value":null}]')[0], 400)

    def test_writing_to_topics_is_for_operators(self):
        refused = [
            {"X-Forwarded-For": "198.51.100.1"}, {"Forwarded": "for=198.51.100.1"}, {"Via": "1.1 proxy"},
            {"Origin": "https://elsewhere.example"}, {"Origin": "null"},
            {"Origin": "http://rebound.example:3000", "Host": "rebound.example:3000"},
        ]
        for headers in refused:
            with self.subTest(headers=headers):
                for path, body in [("/v1/topics/births/records", "[]"), ("/v1/topics", '{"topic":"made"}')]:
                    status, problem = self.post(path, body, **headers)
                    self.assertEqual((status, problem["type"]), (403, "/docs#not-operator"))
        self.assertEqual(self.post("/v1/topics/births/records", "[]", Origin=self.worker.url)[0], 200)
        self.assertEqual(self.post("/v1/topics/births/records", "[]", **{"Content-Type": "text/plain"})[0], 415)
        self.assertNotIn("made", [topic["topic"] for topic in self.lines("topic", "ls", "--json")])

    def test_rest_reads_pages_that_say_where_to_go_on(self):
        self.works("topic", "create", "paged")
        self.works("topic", "produce", "paged", stdin='{"value":"AQ=="}\n' * 5)
        page = json.loads(self.works("query", "/v1/topics/paged/records?limit=2"))
        self.assertEqual(([r["offset"] for r in page["items"]], page["next"], page["end"]), ([0, 1], 2, 5))
        page = json.loads(self.works("query", "/v1/topics/paged/records?from=4&limit=2"))
        self.assertEqual(([r["offset"] for r in page["items"]], page["next"], page["end"]), ([4], 5, 5))
        page = json.loads(self.works("query", "/v1/topics/paged/records?from=99"))
        self.assertEqual((page["items"], page["next"]), ([], 99))
        self.fails(65, "no place to begin", "query", "/v1/topics/paged/records?from=soon")
        self.fails(65, "no partition 7", "query", "/v1/topics/paged/records?partition=7")
        self.fails(1, "There is no such thing", "query", "/v1/topics/none/records")


class Trouble(Case):
    """Two processes on one folder, damage, seeds with mistakes, ports that are taken, signals."""

    def setUp(self):
        super().setUp()
        self.data = self.path("data")

    def test_a_second_process_on_a_folder_is_refused_with_the_pid_of_the_first(self):
        with Worker(self.data) as worker:
            pid = f"in use by process {worker.process.pid}"
            self.fails(69, pid, "run", TAMAGHOST, "--data", self.data, "--listen", "127.0.0.1:0")
            self.assertIn("--url", self.fails(69, pid, "topic", "ls", "--data", self.data))
            self.fails(69, pid, "generate", "tamaghost", "--data", self.data)
            self.works("topic", "ls", "--url", worker.url)

    def test_a_port_that_is_taken_is_named(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            port = server.getsockname()[1]
            self.fails(69, f"cannot listen on 127.0.0.1:{port}: Address already in use; choose another address with --listen", "run", TAMAGHOST, "--data", self.data, "--listen",
                       f"127.0.0.1:{port}")

    def test_sigterm_ends_with_0_and_sigint_with_130(self):
        for number, exit_code in [(signal.SIGTERM, 0), (signal.SIGINT, 130)]:
            with Worker(self.data) as worker:
                self.assertEqual(worker.stop(number), exit_code)

    def test_a_seed_goes_in_once(self):
        for _ in range(2):
            with Worker(self.data, "--seed", SEED) as worker:
                self.assertEqual(len(self.lines("topic", "consume", "births", "-u", worker.url)), 1)

    def test_a_seed_with_a_mistake_is_refused_by_its_line_and_nothing_of_it_goes_in(self):
        good = '{"topic":"births","key":"a","value":{"eventId":"e","slug":"a","name":"a","visitor":"v","atMs":1}}\n'
        for bad, said in [("{", r"seed\.jsonl:3: .*ends too early"), ('{"topic":"birth"}', r"seed\.jsonl:3: topic there is no topic 'birth'"),
                          ('{"key":"a"}', r"seed\.jsonl:3: topic is missing"),
                          ('{"topic":"births","key":"a","value":{"slug":1}}', r"seed\.jsonl:3: value/")]:
            with self.subTest(bad=bad):
                seed = self.write("seed.jsonl", good + "\n" + bad + "\n" + good)
                self.fails(65, said, "run", TAMAGHOST, "--data", self.data, "--listen", "127.0.0.1:0", "--seed", seed)
        self.fails(65, "none.jsonl cannot be read", "run", TAMAGHOST, "--data", self.data, "--listen", "127.0.0.1:0", "--seed", self.path("none.jsonl"))
        many = self.write("many.jsonl", good * 1001)
        self.fails(65, "more than 1000 records", "run", TAMAGHOST, "--data", self.data, "--listen", "127.0.0.1:0", "--seed", many)
        self.assertEqual(self.works("topic", "consume", "births", "--data", self.data), "")

    def test_a_topology_with_a_mistake_does_not_run(self):
        bad = self.write("bad.yaml", NOTES.replace("toTable", "toTabel"))
        self.fails(65, "toTabel", "run", bad, "--data", self.data, "--listen", "127.0.0.1:0")

    def test_a_folder_that_cannot_be_made_is_named(self):
        self.write("file", "")
        self.fails(69, "cannot be made|Not a directory", "run", TAMAGHOST, "--data", self.path("file", "data"), "--listen", "127.0.0.1:0")

    def fill(self):
        """A stopped worker with state; returns what its pets are."""
        with Worker(self.data, "--commit-interval", "20ms", "--writes-per-second", "0") as worker:
            self.works("topic", "produce", "-u", worker.url, stdin=self.works("generate", "tamaghost", "--count", "400", "--pets", "9"))
            return self.settled(worker)

    def settled(self, worker):
        def lag():
            progress = json.loads(self.works("query", "/v1/topologies/tamaghost/progress", "-u", worker.url))
            return progress["lagRecords"], progress["tasks"] - progress["tasksRunning"]
        self.eventually(lag, (0, 0))
        return self.works("store", "scan", "pets", "--limit", "0", "-u", worker.url)

    def damaged(self, damage):
        """Damages every table of the state, starts again: the state is moved aside, named, and rebuilt from the log."""
        before = self.fill()
        self.assertEqual(len(before.splitlines()), 9)
        tables = [os.path.join(folder, name) for folder, _, names in os.walk(self.path("data", "state")) for name in names if name.endswith(".sst")]
        self.assertTrue(tables, "the state is in no file that could be damaged")
        for table in tables:
            with open(table, "r+b") as file:
                damage(file, os.path.getsize(table))
        with Worker(self.data) as worker:
            self.assertEqual(self.settled(worker), before)
            trace = worker.trace()
        self.assertIn("damaged state moved aside, rebuilding it from the log", trace)
        aside = json.loads(next(line for line in trace.splitlines() if "moved aside" in line))
        kept = [value for value in aside.values() if os.path.isdir(value)] or re.findall(r"/\S+?(?=[\s:;,]|$)", " ".join(aside.values()))
        self.assertTrue(any(os.path.isdir(path) for path in kept), f"the damaged state is not where the worker says: {aside}")
        with Worker(self.data) as worker:
            self.assertEqual(self.settled(worker), before)
            self.assertNotIn("moved aside", worker.trace())

    def test_state_with_flipped_bits_is_moved_aside_and_rebuilt(self):
        def flip(file, size):
            for at in range(0, size, 16):
                file.seek(at)
                byte = file.read(1)
                file.seek(at)
                file.write(bytes([byte[0] ^ 0x40]))
        self.damaged(flip)

    def test_state_that_was_cut_short_is_moved_aside_and_rebuilt(self):
        self.damaged(lambda file, size: file.truncate(size // 2))

    def test_state_that_was_deleted_is_rebuilt(self):
        before = self.fill()
        program.shutil.rmtree(self.path("data", "state"))
        with Worker(self.data) as worker:
            self.assertEqual(self.settled(worker), before)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("part")
    parser.add_argument("--riacho", required=True)
    parser.add_argument("--root", required=True)
    options, rest = parser.parse_known_args()
    program.RIACHO, program.ROOT = os.path.abspath(options.riacho), options.root
    part = {"Worker": Worker_}.get(options.part) or globals()[options.part]
    tests = unittest.defaultTestLoader.loadTestsFromTestCase(part)
    if rest:
        tests = unittest.TestSuite(test for test in tests if rest[0] in test.id())
    done = unittest.TextTestRunner(verbosity=2).run(tests)
    sys.exit(0 if done.wasSuccessful() and done.testsRun else 1)


if __name__ == "__main__":
    main()

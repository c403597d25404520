#!/usr/bin/python3
"""Rules of the code, each broken on purpose, and the seed with which the fleet simulator finds it: make mutants, after make tests/fleet/fleet.

mutants.py                   each with its seed: it must be found
mutants.py --find N [WORDS]  search seeds 1 to N for each, or for those that are called so (after a change of what is drawn from seeds)
Nothing in the source tree is touched: the broken file is compiled beside it, and linked in front of the libraries.

Not here: rules that another one stands in for. That what a bus has lost is sent anew as soon as that is noticed (way->lost, relay/resend.c) spares two
seconds, after which all without a receipt is sent again in any case: tests/unit/exchange.c has it."""
import os, shlex, subprocess, sys, tempfile

SOURCE = os.environ.get("top_srcdir", ".")

# what, the seed, the file, the rule as it stands, and broken
MUTANTS = [
    ("a gap stays for good", 1, "relay/gap.c", "return now_ms >= gap->since_ms + GAP_MS", "return false"),
    ("a new epoch is no reason to drop all", 7, "relay/store.c",
     "return sql_meta_put(store, \"coarse\", 1, err) ? STORE_EPOCH : STORE_FAILED;\n}\n\nbool store_inbox", "return STORE_NEW;\n}\n\nbool store_inbox"),
    ("an old copy of a log goes on with the numbers that it had", 31, "relay/exchange.c",
     "if (epoch > UINT32_MAX - 2 ||", "if (true ||"),
    ("an older override takes the place of a later one", 1, "base/writ_set.c",
     "if (order < 0 || !writ_is_kept", "if (!writ_is_kept"),
    ("regions that have other overrides are not sent ours", 1, "relay/writs_repair.c",
     "if (!writs_offer_all(writs, peer->region, peer->name, &err))", "if (false)"),
    ("one vote is a quorum", 1, "health/votes.c", "assigned / 2 + 1", "1"),
    ("a quorum is more than all", 1, "health/votes.c", "assigned / 2 + 1", "assigned + 1"),
    ("a majority of those that are heard is one", 1, "health/votes.c",
     "	if (result->down >= result->quorum)\n",
     "	result->quorum = (uint16_t)((assigned - result->silent) / 2 + 1);\n	if (result->down >= result->quorum)\n"),
    ("what comes is acknowledged before it is in the log", 1, "relay/exchange.c",
     "	committed = settle(exchange);\n	more = committed",
     "	exchange->bus_ops->acknowledge(exchange->bus, true);\n	committed = settle(exchange);\n	more = committed"),
    ("a commit that failed is acknowledged", 1, "relay/exchange.c",
     "exchange->bus_ops->acknowledge(exchange->bus, committed);", "exchange->bus_ops->acknowledge(exchange->bus, true);"),
    ("the log is not synced", 1, "relay/store_sql.c", "synchronous=FULL", "synchronous=OFF"),
    ("the log is synced now and then", 1, "relay/store_sql.c", "synchronous=FULL", "synchronous=NORMAL"),
    ("what is sent again is nothing", 8, "relay/resend.c",
     "store_outbox(store, least, AGAIN_ROWS, offer_again, &offering, NULL);", ";"),
    ("what had no receipt for a while is not sent again", 6, "relay/resend.c",
     "now_ms >= resend->progress_ms + resend->pause_ms && way->waiting == 0", "false"),
    ("an override is stamped by the clock alone", 1, "base/writ_set.c",
     "last != NULL && last->made_ms >= now_ms ? last->made_ms + 1 : now_ms", "last != NULL && false ? 0 : now_ms"),
    ("who does not trust his eyes is counted", 5, "health/fleet.c", "host->abstains = head->abstains;", "host->abstains = false;"),
    ("who sees nothing takes endpoints down", 5, "health/judge.c", "against && (eyes_abstain(court->eyes) ||", "false && (eyes_abstain(court->eyes) ||"),
    ("what operators force may leave nothing", 1, "gslb/closely.c", "mode <= SIGHT_BLIND", "mode < SIGHT_BLIND"),
    ("without the last that was up there is nothing", 1, "gslb/closely.c",
     "		candidate = all_down_all(run);\n", "		candidate = CANDIDATE_NONE;\n"),
    ("an override that replaces another one is not put in force", 1, "gslb/override_merge.c",
     "		override_list_refresh(list, writ->target, m->now_ms);\n", "		if (!was)\n			override_list_refresh(list, writ->target, m->now_ms);\n"),
]


def compile_mutant(folder, path, rule, broken):
    with open(os.path.join(SOURCE, path)) as file:
        text = file.read()
    if text.count(rule) != 1:
        sys.exit("%s: the rule stands there %d times, not once: %s" % (path, text.count(rule), rule))
    source, made = os.path.join(folder, "mutant.c"), os.path.join(folder, "mutant.o")
    with open(source, "w") as file:
        file.write(text.replace(rule, broken))
    subprocess.run([os.environ.get("CC_PLAIN", "gcc"), "-std=gnu17", "-D_GNU_SOURCE", "-O1", "-w", "-I.", "-I" + SOURCE,
                    "-c", source, "-o", made], check=True)
    return made


def link_line():
    plan = subprocess.run(["make", "-n", "V=1", "-W", os.path.join(SOURCE, "tests/fleet/world.c"), "tests/fleet/fleet"],
                          capture_output=True, text=True, check=True).stdout
    return shlex.split([line for line in plan.splitlines() if " -o tests/fleet/fleet " in line][-1])


def build(folder, line, path, rule, broken):
    program, made = os.path.join(folder, "fleet"), compile_mutant(folder, path, rule, broken)
    words = [program if word == "tests/fleet/fleet" else word for word in line]
    first = next(i for i, word in enumerate(words) if word.endswith(".a"))
    subprocess.run(words[:first] + [made] + words[first:], check=True)
    return program


def verdict_of(program, seed):
    """What does not hold, or None."""
    done = subprocess.run([program, "--seed", str(seed)], capture_output=True, text=True)
    line = done.stdout.splitlines()[0] if done.stdout else "seed %d: it ended with %d" % (seed, done.returncode)
    return None if done.returncode == 0 else line


def main():
    most = int(sys.argv[2]) if sys.argv[1:2] == ["--find"] else 0
    words = " ".join(sys.argv[3:])
    chosen = [mutant for mutant in MUTANTS if words in mutant[0]]
    line, missed = link_line(), 0
    print("1..%d" % len(chosen))
    for number, (what, seed, path, rule, broken) in enumerate(chosen, 1):
        with tempfile.TemporaryDirectory() as folder:
            program = build(folder, line, path, rule, broken)
            found = None
            for at in range(1, most + 1) if most else [seed]:
                found = found or verdict_of(program, at)
                if found:
                    break
        missed += found is None
        print("%s %d - %s: %s\n# %s" % ("not ok" if found is None else "ok", number, path, what, found), flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()

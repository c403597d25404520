/* Steps and conditions are short sentences of fixed words: one reader goes along the words, and what is missing is said with the whole
 * form that it belongs to. */
#include <stdlib.h>
#include <string.h>

#include "gslb/drill_plan.h"
#include "gslb/override.h"

enum { WORDS_MAX = 24 };

struct words {
	char *copy, *word[WORDS_MAX];
	unsigned n, at;
	struct err *err;
};

/* False when there are more of them than any sentence has. */
static bool words_split(struct words *words, const char *text, struct err *err)
{
	char *save = NULL;

	*words = (struct words){ .copy = mem_strdup(text), .err = err };
	for (char *word = strtok_r(words->copy, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		if (words->n == WORDS_MAX)
			return false;
		words->word[words->n++] = word;
	}
	return true;
}

static const char *peek(const struct words *words)
{
	return words->at < words->n ? words->word[words->at] : "";
}

static const char *next(struct words *words)
{
	return words->at < words->n ? words->word[words->at++] : "";
}

static bool take(struct words *words, const char *word)
{
	if (strcmp(peek(words), word) != 0)
		return false;
	words->at++;
	return true;
}

static bool take_all(struct words *words, const char *first, const char *second)
{
	unsigned at = words->at;

	if (take(words, first) && take(words, second))
		return true;
	words->at = at;
	return false;
}

static bool at_end(struct words *words, const char *form)
{
	return words->at == words->n || err_set(words->err, "\"%s\" is one word too many (try %s)", peek(words), form);
}

static bool take_time(struct words *words, uint64_t *ms, const char *form)
{
	const char *word = next(words);

	if (*word == '\0')
		return err_set(words->err, "a duration is missing (try %s)", form);
	if (!duration_parse(word, ms) || *ms == 0 || *ms > DRILL_END_MAX_MS)
		return err_set(words->err, "%s: not a duration from 1ms to 1d (try %s)", word, form);
	return true;
}

/* ---- conditions ---- */

/* A percentage: "1 %", "1%", "0.5 %". */
static bool take_percent(struct words *words, double *percent, const char *form)
{
	const char *word = next(words);
	char *end;

	*percent = strtod(word, &end);
	if (end == word || strspn(word, "0123456789.") != (size_t)(end - word) || !(*percent <= 100))
		return err_set(words->err, "%s: not a share from 0 to 100 %% (try %s)", word, form);
	if (strcmp(end, "%") != 0 && (*end != '\0' || !take(words, "%")))
		return err_set(words->err, "a share ends with %% (try %s)", form);
	return true;
}

static bool take_bound(struct words *words, struct drill_condition *condition, const char *form)
{
	if (take(words, "under"))
		condition->compare = DRILL_UNDER;
	else if (take(words, "over"))
		condition->compare = DRILL_OVER;
	else
		return err_set(words->err, "neither under nor over (try %s)", form);
	return take_percent(words, &condition->bound, form);
}

static bool take_name(struct words *words, char **name, const char *form)
{
	if (*peek(words) == '\0')
		return err_set(words->err, "a name is missing (try %s)", form);
	*name = mem_strdup(next(words));
	return true;
}

static bool parse_pools_up(struct words *words, struct drill_condition *condition)
{
	const char *form =
		condition->compare == DRILL_UNDER ? "fewer than 2 pools of www up" : "at least 2 pools of www up";
	uint64_t number;

	if (!number_parse(next(words), 1, SERVICE_POOLS_MAX, &number))
		return err_set(words->err, "not a number from 1 to %d (try %s)", SERVICE_POOLS_MAX, form);
	condition->measure = DRILL_POOLS_UP;
	condition->bound = (double)number;
	if ((!take(words, "pools") && !take(words, "pool")) || !take(words, "of"))
		return err_set(words->err, "whose pools? (try %s)", form);
	if (!take_name(words, &condition->service, form))
		return false;
	return take(words, "up") || err_set(words->err, "\"up\" is missing (try %s)", form);
}

static bool parse_share(struct words *words, struct drill_condition *condition)
{
	static const char form[] = "share of eu under 1 %, or share of eu in www under 1 %";

	condition->measure = DRILL_SHARE;
	if (!take_name(words, &condition->pool, form))
		return false;
	if (take(words, "in") && !take_name(words, &condition->service, form))
		return false;
	return take_bound(words, condition, form);
}

static bool read_condition(struct words *words, struct drill_condition *condition)
{
	if (take_all(words, "at", "least")) {
		condition->compare = DRILL_AT_LEAST;
		return parse_pools_up(words, condition);
	}
	if (take_all(words, "fewer", "than")) {
		condition->compare = DRILL_UNDER;
		return parse_pools_up(words, condition);
	}
	if (take_all(words, "share", "of"))
		return parse_share(words, condition);
	if (take(words, "servfail")) {
		condition->measure = DRILL_SERVFAIL;
		return take_bound(words, condition, "servfail under 1 %");
	}
	if (take_all(words, "answers", "never") && take(words, "empty")) {
		condition->measure = DRILL_EMPTY;
		condition->compare = DRILL_UNDER;
		condition->bound = 1;
		return true;
	}
	if (take_all(words, "another", "pool") && take_all(words, "goes", "down")) {
		condition->measure = DRILL_OTHERS_DOWN;
		condition->compare = DRILL_AT_LEAST;
		condition->bound = 1;
		return true;
	}
	return err_set(words->err,
		"not a condition (try \"at least 2 pools of www up\", \"fewer than 2 pools of www up\", "
		"\"share of eu under 1 %%\", \"servfail over 1 %%\", \"answers never empty\" or \"another "
		"pool goes down\")");
}

/* Keep it; a copy of the sentence without what stands behind it. */
static void condition_add(
	struct drill_plan *plan, const struct words *words, unsigned from, struct drill_condition *condition)
{
	struct buf text = { 0 };

	for (unsigned i = from; i < words->at; i++)
		buf_printf(&text, "%s%s", i > from ? " " : "", words->word[i]);
	condition->text = text.text;
	plan->conditions = mem_resize(plan->conditions, (plan->nconditions + 1) * sizeof *condition);
	plan->conditions[plan->nconditions++] = *condition;
}

static bool take_condition(struct words *words, struct drill_plan *plan, enum drill_role role)
{
	struct drill_condition condition = { .role = role };
	unsigned from = words->at;

	if (plan->nconditions == DRILL_CONDITIONS_MAX)
		return err_set(words->err, "one condition too many (try at most %d)", DRILL_CONDITIONS_MAX);
	if (read_condition(words, &condition)) {
		condition_add(plan, words, from, &condition);
		return true;
	}
	free(condition.service);
	free(condition.pool);
	return false;
}

bool drill_condition_parse(struct drill_plan *plan, enum drill_role role, const char *text, struct err *err)
{
	struct words words;
	bool good = words_split(&words, text, err) || err_set(err, "too many words for a condition");

	good = good && take_condition(&words, plan, role);
	if (good && words.at < words.n)
		good = err_set(err, "\"%s\" is one word too many (a time limit belongs to a step: expect … within 30s)",
			peek(&words));
	free(words.copy);
	return good;
}

/* ---- steps ---- */

static bool parse_lead(struct words *words, struct drill_step *step, const char *form)
{
	if (take(words, "auto"))
		return step->lead_auto = true;
	return take_time(words, &step->lead_ms, form);
}

static bool parse_force(struct words *words, struct drill_step *step)
{
	static const char form[] = "force pool:eu drain, behind it: over 60s, for 5m, lead auto";

	if (*peek(words) == '\0')
		return err_set(words->err, "a target is missing (try %s)", form);
	step->target = mem_strdup(next(words));
	if (!override_action_parse(peek(words), &step->action))
		return err_set(words->err, "%s: neither up, down nor drain (try %s)", peek(words), form);
	words->at++;
	while (words->at < words->n) {
		bool good;

		if (take(words, "over") && step->over_ms == 0)
			good = take_time(words, &step->over_ms, form);
		else if (take(words, "for") && step->for_ms == 0)
			good = take_time(words, &step->for_ms, form);
		else if (take(words, "lead") && step->lead_ms == 0 && !step->lead_auto)
			good = parse_lead(words, step, form);
		else
			return at_end(words, form);
		if (!good)
			return false;
	}
	if (step->over_ms > 0 && step->action != OVERRIDE_DRAIN)
		return err_set(words->err, "over goes with drain only");
	if (step->for_ms > 0 && step->over_ms > step->for_ms)
		return err_set(words->err, "a drain over so long does not fit into its for");
	return true;
}

static bool parse_clear(struct words *words, struct drill_step *step)
{
	if (*peek(words) == '\0')
		return err_set(words->err, "a target is missing (try clear pool:eu)");
	step->target = mem_strdup(next(words));
	return at_end(words, "clear pool:eu");
}

static bool parse_wait(struct words *words, struct drill_step *step)
{
	return take_time(words, &step->wait_ms, "wait 30s") && at_end(words, "wait 30s");
}

static bool parse_expect(struct words *words, struct drill_plan *plan, struct drill_step *step)
{
	static const char form[] = "expect share of eu under 1 % within 60s";

	if (!take_condition(words, plan, DRILL_EXPECTED))
		return false;
	step->condition = plan->nconditions - 1;
	if (!take(words, "within"))
		return err_set(words->err, "\"within\" and a duration are missing (try %s)", form);
	return take_time(words, &step->wait_ms, form) && at_end(words, form);
}

static bool read_step(struct words *words, struct drill_plan *plan, struct drill_step *step)
{
	if (take(words, "force")) {
		step->verb = DRILL_FORCE;
		return parse_force(words, step);
	}
	if (take(words, "clear")) {
		step->verb = DRILL_CLEAR;
		return parse_clear(words, step);
	}
	if (take(words, "wait")) {
		step->verb = DRILL_WAIT;
		return parse_wait(words, step);
	}
	if (take(words, "expect")) {
		step->verb = DRILL_EXPECT;
		return parse_expect(words, plan, step);
	}
	return err_set(words->err, "not a step (try force, clear, wait, expect or note)");
}

bool drill_step_parse(struct drill_plan *plan, const char *text, struct err *err)
{
	struct drill_step step = { .verb = DRILL_NOTE };
	struct words words;
	bool good;

	if (plan->nsteps == DRILL_STEPS_MAX)
		return err_set(err, "one step too many (try at most %d)", DRILL_STEPS_MAX);
	good = words_split(&words, text, err) || strncmp(text, "note ", 5) == 0 ||
	       err_set(err, "too many words for a step (try note for a text)");
	if (good && !(words.n > 1 && strcmp(words.word[0], "note") == 0))
		good = read_step(&words, plan, &step);
	free(words.copy);
	step.text = mem_strdup(text);
	plan->steps = mem_resize(plan->steps, (plan->nsteps + 1) * sizeof step);
	plan->steps[plan->nsteps++] = step; /* also one with a mistake: the plan frees it */
	return good;
}

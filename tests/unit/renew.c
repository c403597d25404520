/* Another bus while gslb-relay runs: when it is due, what it takes over, and that one which is not there takes the place of none only. */
#include "tests/unit/unit.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "relay/bus_queue.h"
#include "relay/certificates.h"
#include "relay/conf_bus.h"
#include "relay/crypto.h"
#include "relay/expiry.h"
#include "relay/renew.h"

static char folder[UNIT_FOLDER_MAX];
static int event_fd;

static void setup(void)
{
	unit_folder(folder);
	ck_assert_int_eq(chdir(folder), 0);
	event_fd = eventfd(0, EFD_NONBLOCK);
}

static void teardown(void)
{
	close(event_fd);
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen("new", "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	ck_assert_int_eq(rename("new", name), 0);
}

/* ---- when ---- */

/* looks: a letter for how the files look, two seconds apart; 'a' is in use. due: '!' a new connection, which fails. */
static const struct {
	const char *sentence, *looks, *due;
	bool other;
} times[] = {
	{ "what stays as it is wants nothing", "aaaaaaaa", "........", false },
	{ "what has changed is tried when it has stayed so for a look", "aabb", "...!", false },
	{ "while the files change nothing is tried", "abcdee", ".....!", false },
	{ "what was put back is not tried", "abaaa", ".....", false },
	{ "what failed is tried again after ten seconds", "abbbbbbbb", "..!....!.", false },
	{ "or as soon as it has changed again", "abbcccc", "..!.!..", false },
	{ "for another reason it is tried with the same files", "aaaaaaa", "!....!.", true },
	{ "but not while they change", "abb", "!.!", true },
};

START_TEST(another_connection_is_due_when_the_files_have_changed_and_stay)
{
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		struct certificates certificates = { .used.file[0].inode = 'a', .last.file[0].inode = 'a' };
		char due[16] = "";

		for (size_t k = 0; times[i].looks[k] != '\0'; k++) {
			struct certificates_seen seen = { .file[0].inode = (uint64_t)times[i].looks[k] };
			uint64_t now_ms = 1000 + CERTIFICATES_LOOK_MS * k;
			bool now = certificates_due(&certificates, &seen, times[i].other, now_ms);

			if (now)
				certificates_failed(&certificates, now_ms);
			strcat(due, now ? "!" : ".");
		}
		ck_assert_msg(strcmp(due, times[i].due) == 0, "%s: %s", times[i].sentence, due);
	}
}
END_TEST

START_TEST(a_file_that_is_written_anew_or_is_gone_looks_different)
{
	struct relay_conf conf = { .ca = "", .cert = "cert", .key = "" };
	struct certificates certificates = { 0 };
	struct certificates_seen seen;

	put("cert", "one");
	certificates_look(&conf, &certificates.used);
	certificates_look(&conf, &seen);
	ck_assert(!certificates_differ(&certificates, &seen));
	put("cert", "two");
	certificates_look(&conf, &seen);
	ck_assert(certificates_differ(&certificates, &seen));
	certificates.used = seen;
	ck_assert_int_eq(unlink(conf.cert), 0);
	certificates_look(&conf, &seen);
	ck_assert(certificates_differ(&certificates, &seen));
}
END_TEST

/* ---- when it ends ---- */

static const char near_pem[] = /* openssl: notAfter=Dec 31 02:23:22 2027 GMT */
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBkDCCATegAwIBAgIUeihKeOtS1E62ShV/+YmV2+sqUqswCgYIKoZIzj0EAwIw\n"
	"HjENMAsGA1UECgwEZ3NsYjENMAsGA1UEAwwEbmVhcjAeFw0yNjExMjYwMjIzMjJa\n"
	"Fw0yNzEyMzEwMjIzMjJaMB4xDTALBgNVBAoMBGdzbGIxDTALBgNVBAMMBG5lYXIw\n"
	"WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQCSpE1zRt6sUwbapKZGfLUbCtL4TpP\n"
	"wyTfB1cVl3PA0wLfZojrj8J3AzlgE+iRXsYqcBtGcOvueW4rrSRs3A9Go1MwUTAd\n"
	"BgNVHQ4EFgQUoQmm+jKOM9beTRzlg64ak/KCBcswHwYDVR0jBBgwFoAUoQmm+jKO\n"
	"M9beTRzlg64ak/KCBcswDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNHADBE\n"
	"AiAf2Q2p+eo3GgcdCcYeNbRM8YRDNu/XeaKWx01YkJFZOQIgLZEyh9Qnj2ITVhkJ\n"
	"dB+aYHxF+zHk5tKmUN/QnSYF/PQ=\n"
	"-----END CERTIFICATE-----\n";
static const char far_pem[] = /* notAfter=Aug 29 02:23:22 2081 GMT, beyond what UTCTime can say */
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBkjCCATegAwIBAgIUZz0ZGpb1db0q1j2rWoG5xE/IX7AwCgYIKoZIzj0EAwIw\n"
	"HTENMAsGA1UECgwEZ3NsYjEMMAoGA1UEAwwDZmFyMCAXDTI2MTEyNjAyMjMyMloY\n"
	"DzIwODEwODI5MDIyMzIyWjAdMQ0wCwYDVQQKDARnc2xiMQwwCgYDVQQDDANmYXIw\n"
	"WTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASKLha3uMccFsMxrKlAXIhFYVLMWMRr\n"
	"VYkyxVgs89PEZtC+M1KrvdkSLie1fr1sXZufvTyn2W1ZWDhr82/KI9cBo1MwUTAd\n"
	"BgNVHQ4EFgQUCh0FLqPbupdQuGY3G5h72h1gTpswHwYDVR0jBBgwFoAUCh0FLqPb\n"
	"updQuGY3G5h72h1gTpswDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNJADBG\n"
	"AiEA/mFIXeLUwRSnaWE9ujdlIQEmP0wO9KjQu8HhmVs7/xECIQCRoOE8Ixt3mz/1\n"
	"jb87lSnosrzIGLtTQh2RAXeLJPd7ng==\n"
	"-----END CERTIFICATE-----\n";

START_TEST(a_certificate_says_when_it_ends)
{
	char *chain = mem_printf("# of us\r\n%s%s", near_pem, far_pem);

	ck_assert_uint_eq(crypto_certificate_end(near_pem, strlen(near_pem)), UINT64_C(1830219802000));
	ck_assert_uint_eq(crypto_certificate_end(far_pem, strlen(far_pem)), UINT64_C(3523659802000));
	ck_assert_uint_eq(crypto_certificate_end(chain, strlen(chain)), UINT64_C(1830219802000));
	free(chain);
}
END_TEST

/* For an encrypted one nobody is asked for a password, at the terminal or, without one, here: there may be nobody. */
START_TEST(what_is_cut_short_is_no_certificate_and_an_encrypted_one_neither)
{
	char *locked = mem_printf("-----BEGIN CERTIFICATE-----\nProc-Type: 4,ENCRYPTED\n"
				  "DEK-Info: AES-128-CBC,000102030405060708090A0B0C0D0E0F\n\n%s",
		near_pem + strlen("-----BEGIN CERTIFICATE-----\n"));
	int typed[2], left;

	ck_assert_int_eq(pipe(typed), 0);
	ck_assert_int_eq(write(typed[1], "password\n", 9), 9);
	ck_assert_int_eq(dup2(typed[0], STDIN_FILENO), STDIN_FILENO);
	for (size_t cut = 0; cut + strlen("-----\n") < strlen(near_pem); cut++)
		ck_assert_uint_eq(crypto_certificate_end(near_pem, cut), 0);
	ck_assert_uint_eq(crypto_certificate_end(locked, strlen(locked)), 0);
	ck_assert_int_eq(ioctl(STDIN_FILENO, FIONREAD, &left), 0);
	ck_assert_int_eq(left, 9);
	free(locked);
}
END_TEST

START_TEST(that_it_ends_is_said_two_weeks_before_once_a_day_and_when_it_has)
{
	const uint64_t hour_ms = 3600 * 1000, ends_ms = UINT64_C(1830219802000);
	struct expiry expiry = { .ends_ms = ends_ms };
	unsigned soon = 0, over = 0;

	/* steps of which no day is made, or it would be said at the end as it is once a day */
	for (uint64_t at = ends_ms - 20 * 24 * hour_ms; at < ends_ms + 2 * 24 * hour_ms; at += 5 * hour_ms) {
		enum expiry_word word = expiry_say(&expiry, at);

		soon += word == EXPIRY_SOON;
		over += word == EXPIRY_OVER;
		ck_assert(word != EXPIRY_SOON || (at >= ends_ms - 14 * 24 * hour_ms && at < ends_ms));
		ck_assert(word != EXPIRY_OVER || at >= ends_ms);
		ck_assert(at != ends_ms || word == EXPIRY_OVER);
	}
	ck_assert_uint_eq(soon, 14);
	ck_assert_uint_eq(over, 2);
	ck_assert_int_eq(expiry_is(&(struct expiry){ 0 }, ends_ms), EXPIRY_NOTHING);
}
END_TEST

/* ---- what it takes over ---- */

START_TEST(what_came_in_at_the_old_one_comes_in_at_the_new_one_and_nothing_more)
{
	struct bus_queue old, new;
	struct heard *late = heard_event("us", "ack.4", "four", 4), *heard;
	eventfd_t woken;

	bus_queue_init(&old, event_fd);
	bus_queue_init(&new, event_fd);
	ck_assert(bus_queue_hear(&new, heard_event("us", "ack.1", "one", 3)));
	ck_assert(bus_queue_hear(&old, heard_event("us", "ack.2", "two", 3)));
	ck_assert(bus_queue_hear(&old, heard_event("us", "ack.3", "three", 5)));
	ck_assert(bus_queue_hear(&old, heard_word("gslb.rcpt.us.eu", "7 9 0", 5)));
	ck_assert(bus_queue_hear(&old, heard_word("gslb.state.us.host.hot", "bytes", 5)));
	bus_queue_regress(&old);
	bus_queue_know(&old);
	bus_queue_stop(&old);
	ck_assert(!bus_queue_hear(&old, late));
	heard_free(late);
	eventfd_read(event_fd, &woken);
	bus_queue_inherit(&new, &old);
	ck_assert_int_eq(eventfd_read(event_fd, &woken), 0);
	ck_assert_uint_eq(new.regressions, 1);
	ck_assert(bus_queue_regressed(&new));
	ck_assert(bus_queue_knew(&new));
	ck_assert_uint_eq(new.said_bytes, 5);
	for (char n = '1'; n <= '3'; n++) {
		heard = bus_queue_event(&new);
		ck_assert_ptr_nonnull(heard);
		ck_assert_int_eq(heard->reply[4], n);
		heard_free(heard);
	}
	ck_assert_ptr_null(bus_queue_event(&new));
	ck_assert_uint_eq(new.nwords, 2);
	ck_assert_ptr_null(bus_queue_event(&old));
	ck_assert_ptr_null(bus_queue_word(&old));
	bus_queue_fini(&old);
	bus_queue_fini(&new);
}
END_TEST

START_TEST(one_that_is_not_in_service_yet_has_no_room_for_events)
{
	struct bus_queue queue;

	bus_queue_init(&queue, event_fd);
	ck_assert(!bus_queue_has_room(&queue));
	bus_queue_begin(&queue);
	ck_assert(bus_queue_has_room(&queue));
	bus_queue_fini(&queue);
}
END_TEST

START_TEST(what_was_on_its_way_is_known_by_its_least_number)
{
	struct bus_queue queue;

	bus_queue_init(&queue, event_fd);
	ck_assert_uint_eq(bus_queue_least(&queue, 7), UINT64_MAX);
	bus_queue_offer(&queue, 6, 1, "x", 1);
	bus_queue_offer(&queue, 7, 12, "x", 1);
	bus_queue_offer(&queue, 7, 5, "x", 1);
	bus_queue_offer(&queue, 7, 13, "x", 1);
	ck_assert_uint_eq(bus_queue_least(&queue, 7), 5);
	bus_queue_fini(&queue);
}
END_TEST

/* ---- one that is not there ---- */

static void write_conf(const char *bus)
{
	char *text = mem_printf("server: { region: eu }\nstate: { directory: %s }\ncaches: []\n%s", folder, bus);

	put("gslb.yaml", text);
	free(text);
}

/* Until there is another bus, or why there is none is known. */
static bool await(struct renew *renew, struct renewed *renewed)
{
	struct pollfd polled = { event_fd, POLLIN, 0 };

	for (unsigned n = 0; n < 300; n++) {
		if (renew_run(renew, false, clock_monotonic_ms(), 1, renewed))
			return true;
		if (renew_status(renew).trouble[0] != '\0')
			return false;
		poll(&polled, 1, 100);
		eventfd_read(event_fd, &(eventfd_t){ 0 });
	}
	ck_abort_msg("nothing came of it");
}

START_TEST(one_that_is_not_there_takes_the_place_of_none_but_not_of_one)
{
	const char *path = "gslb.yaml";
	struct relay_conf *conf;
	struct renew *renew;
	struct renewed first, second;
	struct err err;

	write_conf("");
	conf = relay_conf_load(path, &err);
	ck_assert_ptr_nonnull(conf);
	renew = renew_new(path, conf, event_fd);
	ck_assert(!renew_run(renew, false, clock_monotonic_ms(), 1, &first));
	write_conf("bus: { servers: [\"nats://127.0.0.1:1\"], regions: [eu, us] }\n");
	renew_reload(renew);
	ck_assert(await(renew, &first));
	ck_assert_ptr_eq(first.ops, &bus_nats);
	ck_assert_uint_eq(first.conf->nregions, 2);
	write_conf("bus: { servers: [\"nats://127.0.0.1:2\"], regions: [eu, us] }\n");
	renew_reload(renew);
	ck_assert(!await(renew, &second));
	ck_assert_ptr_nonnull(strstr(renew_status(renew).trouble, "nats://127.0.0.1:2"));
	write_conf("");
	renew_reload(renew);
	ck_assert(await(renew, &second));
	ck_assert_ptr_eq(second.ops, &bus_local);
	renew_retire(renew, first.ops, first.bus);
	second.ops->close(second.bus);
	renew_end(renew);
	bus_nats.end();
	renew_free(renew);
	relay_conf_free(conf);
}
END_TEST

START_TEST(what_was_put_back_as_it_was_is_no_trouble_any_more)
{
	struct relay_conf *conf;
	struct renew *renew;
	struct renewed renewed;
	uint64_t now_ms;
	struct err err;

	put("ca.crt", "a CA");
	put("relay.crt", "a certificate");
	put("relay.key", "its key");
	write_conf("bus: { servers: [\"tls://127.0.0.1:1\"], regions: [eu, us], ca: ca.crt, cert: relay.crt, key: "
		   "relay.key }\n");
	conf = relay_conf_load("gslb.yaml", &err);
	ck_assert_msg(conf != NULL, "%s", err.text);
	renew = renew_new("gslb.yaml", conf, event_fd);
	ck_assert_int_eq(rename("relay.key", "away"), 0);
	ck_assert(!await(renew, &renewed));
	now_ms = clock_monotonic_ms();
	ck_assert_int_eq(rename("away", "relay.key"), 0);
	for (unsigned look = 1; look <= 2; look++) /* it has changed; it stays so */
		ck_assert(!renew_run(renew, false, now_ms + look * CERTIFICATES_LOOK_MS, 1, &renewed));
	ck_assert_str_eq(renew_status(renew).trouble, "");
	renew_end(renew);
	bus_nats.end();
	renew_free(renew);
	relay_conf_free(conf);
}
END_TEST

/* A host with a name of its own, whose fleet gets another one, and which is then alone under the same name. */
START_TEST(relays_are_taken_up_and_the_own_name_stays)
{
	struct relay_conf *conf;
	struct renew *renew;
	struct renewed first;
	struct err err;

	write_conf("bus: { servers: [\"nats://127.0.0.1:1\"], regions: [eu], relays: [eu, eu-2@eu], name: eu-2 }\n");
	conf = relay_conf_load("gslb.yaml", &err);
	renew = renew_new("gslb.yaml", conf, event_fd);
	write_conf("bus: { servers: [\"nats://127.0.0.1:1\"], regions: [eu], relays: [eu, eu-3@eu, eu-2@eu], name: "
		   "eu-2 }\n");
	renew_reload(renew);
	ck_assert(!await(renew, &first)); /* one more is another bus, which must be there */
	ck_assert_ptr_nonnull(strstr(renew_status(renew).trouble, "nats://127.0.0.1:1"));
	write_conf("");
	renew_reload(renew);
	ck_assert(await(renew, &first));
	ck_assert_ptr_eq(first.ops, &bus_local);
	ck_assert_str_eq(first.conf->name, "eu-2");
	ck_assert_uint_eq(first.conf->nrelays, 1);
	ck_assert_str_eq(first.conf->relays[0].name, "eu-2");
	ck_assert_str_eq(first.conf->relays[0].region, "eu");
	first.ops->close(first.bus);
	renew_end(renew);
	bus_nats.end();
	renew_free(renew);
	relay_conf_free(conf);
}
END_TEST

START_TEST(a_file_that_is_wrong_or_of_another_region_changes_nothing)
{
	const char *path = "gslb.yaml";
	struct relay_conf *conf;
	struct renew *renew;
	struct renewed renewed;
	struct err err;

	write_conf("");
	conf = relay_conf_load(path, &err);
	renew = renew_new(path, conf, event_fd);
	put("gslb.yaml", "server: {\n");
	renew_reload(renew);
	put("gslb.yaml",
		"server: { region: us }\nbus: { servers: [\"nats://127.0.0.1:1\"], regions: [eu, us] }\ncaches: []\n");
	renew_reload(renew);
	write_conf("bus: { servers: [\"nats://127.0.0.1:1\"], regions: [eu], relays: [eu, eu-2@eu], name: eu-2 }\n");
	renew_reload(renew); /* its log has another name's numbers */
	for (unsigned n = 0; n < 3; n++) {
		ck_assert(!renew_run(renew, false, clock_monotonic_ms() + n * 60000, 1, &renewed));
		ck_assert_int_eq(poll(&(struct pollfd){ event_fd, POLLIN, 0 }, 1, 200), 0);
	}
	renew_end(renew);
	renew_free(renew);
	relay_conf_free(conf);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("renew");
	TCase *tcase = tcase_create("renew");

	log_setup("renew_test", LOG_ERROR);
	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, another_connection_is_due_when_the_files_have_changed_and_stay);
	tcase_add_test(tcase, a_file_that_is_written_anew_or_is_gone_looks_different);
	tcase_add_test(tcase, a_certificate_says_when_it_ends);
	tcase_add_test(tcase, what_is_cut_short_is_no_certificate_and_an_encrypted_one_neither);
	tcase_add_test(tcase, that_it_ends_is_said_two_weeks_before_once_a_day_and_when_it_has);
	tcase_add_test(tcase, what_came_in_at_the_old_one_comes_in_at_the_new_one_and_nothing_more);
	tcase_add_test(tcase, one_that_is_not_in_service_yet_has_no_room_for_events);
	tcase_add_test(tcase, what_was_on_its_way_is_known_by_its_least_number);
	tcase_add_test(tcase, one_that_is_not_there_takes_the_place_of_none_but_not_of_one);
	tcase_add_test(tcase, what_was_put_back_as_it_was_is_no_trouble_any_more);
	tcase_add_test(tcase, relays_are_taken_up_and_the_own_name_stays);
	tcase_add_test(tcase, a_file_that_is_wrong_or_of_another_region_changes_nothing);
	suite_add_tcase(suite, tcase);
	return unit_run(suite);
}

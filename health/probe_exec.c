/* check=exec: a command of the checks folder, run without a shell as `COMMAND ADDRESS PORT`; exit 0 is success. It leads a
 * process group of its own, which is killed when the time is up and also when the command is done, so that nothing stays
 * behind. What it prints is read to the first line, for the tables, and thrown away after. fork and not posix_spawn, since the
 * child is to die with us (PR_SET_PDEATHSIG). A killed command is waited for after its probe is over: hence a job may outlive
 * its probe. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "health/probe.h"

enum { OUTPUT_MAX = 1 << 20, READS_A_ROUND = 16, DESCRIPTORS = 3, MOST = 64, EXEC_FAILED = 127 };

struct exec_job {
	struct loop *loop;
	struct probe *probe; /* NULL once it is over and the job only waits for its end */
	pid_t pid;
	struct loop_watch end;    /* pidfd: readable when the command has ended */
	struct loop_watch output; /* fd -1: closed */
	size_t output_len;
	bool line_done;
	char line[BOARD_DETAIL_MAX];
	size_t line_len;
};

static void output_close(struct exec_job *job)
{
	if (job->output.fd < 0)
		return;
	loop_unwatch(job->loop, &job->output);
	close(job->output.fd);
	job->output.fd = -1;
}

static void keep_first_line(struct exec_job *job, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len && !job->line_done; i++) {
		if (bytes[i] == '\n' || bytes[i] == '\0')
			job->line_done = true;
		else if (job->line_len < sizeof job->line - 1)
			job->line[job->line_len++] = bytes[i];
	}
}

/* A chatty command is read out, a little a round; past the limit the pipe is closed, and it gets SIGPIPE. */
static void output_read(struct exec_job *job)
{
	char bytes[1024];

	for (int i = 0; i < READS_A_ROUND && job->output.fd >= 0; i++) {
		ssize_t n = read(job->output.fd, bytes, sizeof bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return;
		if (n > 0)
			keep_first_line(job, bytes, (size_t)n);
		job->output_len += n > 0 ? (size_t)n : 0;
		if (n <= 0 || job->output_len >= OUTPUT_MAX)
			output_close(job);
	}
}

static void output_ready(struct loop_watch *watch, uint32_t events)
{
	(void)events;
	output_read(LOOP_OWNER(watch, struct exec_job, output));
}

static void job_free(struct exec_job *job)
{
	output_close(job);
	if (job->end.fd >= 0) {
		loop_unwatch(job->loop, &job->end);
		close(job->end.fd);
	}
	free(job);
}

static struct probe_report report_of(const siginfo_t *info, const struct exec_job *job)
{
	struct probe_report report = { .number = (uint16_t)info->si_status };

	if (info->si_code != CLD_EXITED)
		report.result = PROBE_EXEC_SIGNAL;
	else
		report.result = info->si_status == 0 ? PROBE_OK : PROBE_EXEC_EXIT;
	probe_set_detail(&report, job->line);
	return report;
}

static void job_ended(struct loop_watch *watch, uint32_t events)
{
	struct exec_job *job = LOOP_OWNER(watch, struct exec_job, end);
	struct probe *probe = job->probe;
	struct probe_report report;
	siginfo_t info = { 0 };

	(void)events;
	/* before it is waited for: until then the group's number is not given to others */
	kill(-job->pid, SIGKILL);
	if (waitid(P_PID, (id_t)job->pid, &info, WEXITED | WNOHANG) != 0 || info.si_pid == 0)
		return;
	output_read(job);
	report = report_of(&info, job);
	job_free(job);
	if (probe != NULL)
		probe_done(probe, &report);
}

/* ---- starting ---- */

static const char *command_fault(const char *command, const char *folder)
{
	if (folder[0] == '\0')
		return "no checks-directory configured";
	if (command[0] == '\0' || command[0] == '.' || strchr(command, '/') != NULL)
		return "command is no plain file name";
	return NULL;
}

/* In the child. No descriptor of ours may pass exec, those that libraries opened (curl) no more than others; the status pipe
 * tells the parent that exec failed, and why. */
static void become_command(const char *path, char *const argv[], int output, int status, pid_t parent)
{
	static char search[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
		    locale[] = "LC_ALL=C";
	char *const environment[] = { search, locale, NULL };
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC), error;
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close_range(STDERR_FILENO + 1, ~0u, CLOSE_RANGE_CLOEXEC);
	if (getppid() == parent && null >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(output, STDOUT_FILENO) >= 0 &&
		dup2(output, STDERR_FILENO) >= 0)
		execve(path, argv, environment);
	error = errno;
	if (write(status, &error, sizeof error) < 0)
		_exit(EXEC_FAILED);
	_exit(EXEC_FAILED);
}

/* Fork the command; 0, or the errno of what failed. It returns once the exec has happened or failed. */
static int spawn(const struct probe *probe, int output, pid_t *pid)
{
	const struct health_target *target = probe->target;
	char address[ADDR_TEXT_MAX], port[8], *path;
	int status[2], error = 0;
	pid_t parent = getpid();

	if (pipe2(status, O_CLOEXEC) != 0)
		return errno;
	path = mem_printf("%s/%s", probe_checks_directory(probe), target->probe.command);
	addr_format(&target->addr, address);
	snprintf(port, sizeof port, "%u", target->port);
	*pid = fork();
	if (*pid == 0)
		become_command(path, (char *[]){ path, address, port, NULL }, output, status[1], parent);
	error = *pid < 0 ? errno : 0;
	close(status[1]);
	if (*pid > 0) {
		setpgid(*pid, *pid); /* as the child does: whoever is first */
		if (read(status[0], &error, sizeof error) == (ssize_t)sizeof error)
			waitpid(*pid, NULL, 0);
	}
	close(status[0]);
	free(path);
	return error;
}

static bool job_watch(struct exec_job *job)
{
	job->end.fd = (int)syscall(SYS_pidfd_open, job->pid, 0);
	return job->end.fd >= 0 && loop_watch(job->loop, &job->end, EPOLLIN) &&
	       loop_watch(job->loop, &job->output, EPOLLIN);
}

static void job_abandon(struct exec_job *job)
{
	kill(-job->pid, SIGKILL);
	waitpid(job->pid, NULL, 0);
	job_free(job);
}

static enum probe_result result_of_spawn(int error)
{
	return error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE ? PROBE_LOCAL
											: PROBE_EXEC_START;
}

static void exec_start(struct probe *probe)
{
	const char *fault = command_fault(probe->target->probe.command, probe_checks_directory(probe));
	struct exec_job *job;
	int output[2], error;

	if (fault != NULL) {
		probe_end(probe, PROBE_EXEC_START, 0, fault);
		return;
	}
	if (pipe2(output, O_CLOEXEC) != 0) {
		probe_end(probe, PROBE_LOCAL, 0, strerror(errno));
		return;
	}
	fcntl(output[0], F_SETFL, O_NONBLOCK); /* our end: a command that prints much must not meet EAGAIN */
	job = mem_alloc(sizeof *job);
	*job = (struct exec_job){ .loop = probe_loop(probe),
		.probe = probe,
		.end = { job_ended, -1 },
		.output = { output_ready, output[0] } };
	error = spawn(probe, output[1], &job->pid);
	close(output[1]);
	if (error != 0) {
		job_free(job);
		probe_end(probe, result_of_spawn(error), 0, strerror(error));
	} else if (!job_watch(job)) {
		job_abandon(job);
		probe_end(probe, PROBE_LOCAL, 0, "no descriptor to watch it");
	} else {
		probe->work = job;
	}
}

static void exec_stop(struct probe *probe, struct probe_report *report)
{
	struct exec_job *job = probe->work;

	if (report != NULL)
		probe_set_detail(report, job->line_len > 0 ? job->line : "still running");
	kill(-job->pid, SIGKILL);
	output_close(job);
	job->probe = NULL; /* job_ended frees it */
}

const struct probe_method probe_exec = {
	.descriptors = DESCRIPTORS, .most = MOST, .start = exec_start, .stop = exec_stop
};

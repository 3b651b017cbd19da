#include "pam_ssm/core/sudoers_lint.h"

#include "pam_ssm/core/sudoers_regex.h"

#define UNIT "a systemd unit that does just this, and here: /usr/bin/systemctl --no-pager start UNIT"

struct findings {
    struct sudoers_finding *at;
    size_t count;
};

static void add(struct findings *findings, bool is_error, const char *reason, const char *instead)
{
    if (findings->count < SUDOERS_LINT_FINDINGS) {
        findings->at[findings->count++] = (struct sudoers_finding){is_error, reason, instead};
    }
}

/* ---- programs that are never safe, by what they do ---- */

/* GTFOBins' classes, as far as Debian and the common server distributions ship the programs. */
static const struct danger {
    const char *reason, *instead;
    const char *programs; /* with a blank around each */
} dangers[] = {
    {"runs whatever it is given to read", UNIT,
     " sh bash dash rbash zsh ksh mksh fish csh tcsh busybox python perl ruby lua luajit node nodejs php awk gawk mawk "
     "nawk tclsh wish expect gdb java jshell guile irb erl R scheme sqlite mysql mariadb psql ftp lftp ed ex "},
    {"shows text in a pager, from which a shell is one key away",
     "/usr/bin/cat and one file; for units and logs "
     "systemctl and journalctl with --no-pager",
     " less more most pg man info view zless zmore bzless xzless lesspipe git service hg svn "},
    {"is an editor: it writes any file and starts a shell", "sudoedit and the file",
     " vi vim nvim rvim rview vimdiff nano rnano pico emacs joe jed mcedit micro ne sed editor sensible-editor gedit "
     "kate "},
    {"runs the command that it is given", "that command itself",
     " env nice ionice nohup timeout stdbuf setsid setpriv taskset chrt unshare nsenter chroot flock watch xargs "
     "parallel "
     "script screen tmux strace ltrace ld capsh systemd-run machinectl run0 pkexec su runuser sudo doas time "
     "start-stop-daemon "
     "choom numactl setarch linux32 linux64 prlimit softlimit chpst daemonize dbus-send busctl gdbus ssh make cmake "
     "ninja "
     "cargo go npm npx yarn pip gem rake ansible ansible-playbook run-parts sg newgrp unbuffer rlwrap entr cpulimit "
     "ssm-userctl ssh-agent byobu "},
    {"writes files wherever it is told, as root", UNIT,
     " tee cp mv install ln dd rsync tar bsdtar unzip zip cpio chmod chown chgrp chattr setfacl mount umount curl wget "
     "aria2c scp sftp tftp nc ncat netcat socat openssl patch truncate shred split csplit mkfs mke2fs losetup ar gzip "
     "bzip2 xz zstd 7z rename mkfifo mknod debugfs dmsetup rm unlink uniq objcopy gcc cc clang as nasm sysctl "},
    {"runs scripts of packages or hooks as root, or decides who is root", UNIT,
     " apt apt-get aptitude dpkg yum dnf microdnf rpm zypper snap flatpak docker dockerd podman buildah nerdctl ctr "
     "crictl "
     "runc crun kubectl helm lxc lxd incus virsh qemu-system crontab at batch visudo vipw vigr usermod useradd userdel "
     "adduser groupadd groupmod gpasswd passwd chpasswd chgpasswd newusers chsh chfn chage logrotate modprobe insmod "
     "rmmod kexec update-alternatives alternatives update-rc.d dpkg-reconfigure debconf augtool authconfig "
     "pam-auth-update "
     "grub-install update-grub ldconfig setcap getpcaps eject nmap certbot aa-exec restic borg salt-call "
     "puppet chef-client kmod "},
};

/* "python3.11" is "python", "vim.basic" is "vim", "ld-linux-x86-64.so.2" is "ld". */
static void plain_name(const char *path, char *ret_name, size_t size)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    struct text text = text_in(ret_name, size);
    size_t len = strncmp(name, "ld-linux", 8) == 0 ? 2 : strcspn(name, ".");
    while (len > 1 && name[len - 1] >= '0' && name[len - 1] <= '9') {
        len--;
    }
    text_put_bytes(&text, bytes_of(name, len));
}

/* Is `word` one of the words between blanks? */
static bool has_word(const char *words, const char *word)
{
    size_t len = strlen(word);
    const char *at = len > 0 ? strstr(words, word) : NULL;
    for (; at != NULL; at = strstr(at + 1, word)) {
        bool begins = at == words || at[-1] == ' ';
        bool ends = at[len] == '\0' || at[len] == ' ';
        if (begins && ends) {
            return true;
        }
    }
    return false;
}

static void judge_program(const char *path, struct findings *findings)
{
    char name[64];
    plain_name(path, name, sizeof name);
    for (size_t i = 0; i < sizeof dangers / sizeof dangers[0]; i++) {
        if (has_word(dangers[i].programs, name)) {
            add(findings, true, dangers[i].reason, dangers[i].instead);
            return;
        }
    }
}

/* ---- programs that are safe with the right arguments ---- */

/* Does the argument match one entry of a list? "word" is itself; "--word=" its beginning; "-w*" an option letter, also
 * among others, as in "-nw". */
static bool matches(struct bytes argument, struct bytes entry)
{
    char last = (char)entry.data[entry.len - 1];
    if (last == '*') {
        bool is_short = argument.len > 1 && argument.data[0] == '-' && argument.data[1] != '-';
        return is_short && memchr(argument.data, entry.data[1], argument.len) != NULL;
    }
    bool is_as_long = last == '=' ? argument.len >= entry.len : argument.len == entry.len;
    return is_as_long && memcmp(argument.data, entry.data, entry.len) == 0;
}

/* The next word, and moves behind it; empty: there is none. */
static struct bytes take_word(const char **at)
{
    *at += strspn(*at, " ");
    struct bytes word = bytes_of(*at, strcspn(*at, " "));
    *at += word.len;
    return word;
}

static bool has_any(const char *arguments, const char *list)
{
    for (struct bytes argument = take_word(&arguments); argument.len > 0; argument = take_word(&arguments)) {
        const char *at = list;
        for (struct bytes entry = take_word(&at); entry.len > 0; entry = take_word(&at)) {
            if (matches(argument, entry)) {
                return true;
            }
        }
    }
    return false;
}

static const struct careful {
    const char *programs;  /* with a blank around each */
    const char *forbidden; /* none of these may be among the arguments, see matches(); NULL: none */
    const char *wanted;    /* one of these must be; NULL: none */
    const char *reason, *instead;
} carefuls[] = {
    {" systemctl ",
     "edit link set-environment import-environment set-property switch-root kexec revert -H* --host= -M* "
     "--machine= --root= --image=",
     NULL, "changes units or the environment of services, or goes to another machine", UNIT},
    {" systemctl ", NULL,
     "--no-pager start stop restart reload try-restart reload-or-restart try-reload-or-restart "
     "is-active is-enabled is-failed reset-failed enable disable",
     "shows its answer in a pager, from which a shell is one key away", "systemctl --no-pager ..."},
    {" journalctl loginctl networkctl resolvectl timedatectl hostnamectl localectl coredumpctl systemd-analyze ", NULL,
     "--no-pager", "shows its answer in a pager, from which a shell is one key away", "the same with --no-pager"},
    {" coredumpctl ", "debug gdb", NULL, "starts a debugger", "coredumpctl --no-pager list"},
    {" dmesg ", "-H* --human", NULL, "shows its answer in a pager, from which a shell is one key away", "dmesg -T"},
    {" ssh-keygen ", "-D*", NULL, "loads any library", "ssh-keygen -l -f and the file"},
    {" find ", "-exec -execdir -ok -okdir -delete -fprint -fprint0 -fprintf -fls", NULL,
     "runs a program, or writes or removes files, for what it finds", "find without -exec, -delete and -fprint"},
    {" tcpdump ", "-z* -w* -W* -C* -G*", NULL, "runs a program on, or writes, the files of a capture",
     "tcpdump -n -c COUNT -i INTERFACE and the filter"},
    {" ip ", "netns exec -b* -batch vrf", NULL, "runs commands in a namespace, or from a file", "ip addr, ip route"},
    {" iptables ip6tables ebtables arptables ", "--modprobe=* --modprobe", NULL,
     "runs the program that --modprobe names", "iptables -n -L"},
    {" sort ", "-o* --output=", NULL, "writes any file", "sort of one file, without -o"},
    {" cat head tail tac nl od xxd hexdump strings grep egrep fgrep zgrep zcat bzcat xzcat cut base64 base32 "
     "diff "
     "cmp comm join paste fold rev ul jq wc file ",
     "/etc/shadow /etc/gshadow", NULL, "reads any file, secrets too",
     "the same with one file, such as /usr/bin/tail -n 100 /var/log/x.log"},
};

/* Whoever may choose the arguments chooses the forbidden ones. */
static bool is_careless(const struct careful *careful, const struct sudoers_command *command)
{
    if (command->arguments == NULL) {
        return true;
    }
    if (!command->is_regex) {
        return (careful->forbidden != NULL && has_any(command->arguments, careful->forbidden)) ||
               (careful->wanted != NULL && !has_any(command->arguments, careful->wanted));
    }
    char words[LIMIT_SUDOERS_ARGUMENTS + 1];
    sudoers_regex_words(command->arguments, false, words, sizeof words);
    if (careful->forbidden != NULL &&
        (has_any(words, careful->forbidden) || sudoers_regex_judge(command->arguments).matches_option)) {
        return true;
    }
    sudoers_regex_words(command->arguments, true, words, sizeof words);
    return careful->wanted != NULL && !has_any(words, careful->wanted);
}

static void judge_use(const struct sudoers_command *command, const char *path, struct findings *findings)
{
    char name[64];
    plain_name(path, name, sizeof name);
    for (size_t i = 0; i < sizeof carefuls / sizeof carefuls[0]; i++) {
        if (has_word(carefuls[i].programs, name) && is_careless(&carefuls[i], command)) {
            add(findings, true, carefuls[i].reason, carefuls[i].instead);
            return;
        }
    }
}

/* ---- arguments ---- */

static void judge_arguments(const struct sudoers_command *command, struct findings *findings)
{
    if (command->arguments == NULL) {
        add(findings, false, "any arguments are allowed", "\"\" for none, or the arguments themselves");
        return;
    }
    if (command->has_wildcard) {
        add(findings, true, "a wildcard matches blanks and slashes too: further arguments, and ../",
            "the arguments themselves, or a regular expression such as ^-u [a-z0-9]+$");
    }
    if (!command->is_regex) {
        return;
    }
    struct sudoers_regex regex = sudoers_regex_judge(command->arguments);
    if (regex.matches_anything) {
        add(findings, true, "the regular expression matches blanks: further arguments",
            "a class of the characters that are meant, such as [a-z0-9]+");
    }
    if (regex.matches_parent) {
        add(findings, true, "the regular expression matches ../", "a class without '.' or without '/'");
    }
    if (regex.has_loose_branch) {
        add(findings, true, "a branch of the regular expression is not held by ^ and $", "^(this|that)$");
    }
    if (regex.is_beyond_posix) {
        add(findings, true, "a backslash before a letter is not in the language of POSIX", "a class, such as [0-9]");
    }
    if (regex.matches_option) {
        add(findings, false, "an argument may begin with '-' and be an option",
            "a class without '-' for its beginning");
    }
}

/* ---- sudoedit ---- */

static bool is_as_good_as_root(const char *file)
{
    static const char *const beginnings[] = {
        "/etc/sudo",
        "/etc/passwd",
        "/etc/shadow",
        "/etc/group",
        "/etc/gshadow",
        "/etc/pam",
        "/etc/cron",
        "/etc/ld.so",
        "/etc/ssh",
        "/etc/systemd",
        "/etc/profile",
        "/etc/bash",
        "/etc/ssm-",
        "/etc/security",
        "/etc/init",
        "/etc/rc",
        "/etc/environment",
        "/etc/logrotate",
        "/etc/apt",
        "/etc/udev",
        "/etc/dbus-1",
        "/etc/polkit",
        "/etc/modprobe",
        "/etc/alternatives",
        "/etc/default",
        "/etc/sysconfig",
        "/etc/kernel",
        "/etc/crontab",
        "/etc/subuid",
        "/etc/nsswitch",
        "/root",
        "/usr/",
        "/bin/",
        "/sbin/",
        "/lib",
        "/boot/",
        "/var/spool/",
        "/var/lib/",
        "/dev/",
        "/proc/",
        "/sys/",
        "/run/",
    };
    for (size_t i = 0; i < sizeof beginnings / sizeof beginnings[0]; i++) {
        if (strncmp(file, beginnings[i], strlen(beginnings[i])) == 0) {
            return true;
        }
    }
    return false;
}

static void judge_sudoedit(const struct sudoers_command *command, struct findings *findings)
{
    static const char instead[] = "sudoedit and the files, one by one, by their absolute paths";
    if (command->arguments == NULL || command->arguments[0] == '\0' || command->is_regex || command->has_wildcard) {
        add(findings, true, "sudoedit of any file: /etc/sudoers too", instead);
        return;
    }
    for (const char *file = command->arguments; *file != '\0';) {
        if (file[0] != '/' || strstr(file, "/..") != NULL) {
            add(findings, true, "a file to edit is not named by its absolute path", instead);
            return;
        }
        if (is_as_good_as_root(file)) {
            add(findings, true, "whoever edits this file can become root", NULL);
            return;
        }
        file += strcspn(file, " ");
        file += strspn(file, " ");
    }
}

/* ---- the file ---- */

static void judge_file(const struct sudoers_file_facts *facts, struct findings *findings)
{
    if (facts->is_foreign || facts->is_writable) {
        add(findings, true, "somebody other than root can replace the program, or a directory above it",
            "a program that root owns, below directories that root owns");
    }
    if (!facts->exists) {
        add(findings, false, "there is no such program", NULL);
    } else if (!facts->is_regular) {
        add(findings, true, "this is not a program", NULL);
    } else if (facts->is_script) {
        add(findings, false, "a script: with NOEXEC, which sudo applies here, it cannot start other programs", UNIT);
    }
}

size_t sudoers_lint(const struct sudoers_command *command, const struct sudoers_file_facts *facts,
                    struct sudoers_finding ret_findings[SUDOERS_LINT_FINDINGS])
{
    struct findings findings = {.at = ret_findings};
    if (strcmp(command->path, "sudoedit") == 0) {
        judge_sudoedit(command, &findings);
        return findings.count;
    }
    judge_program(command->path, &findings);
    judge_use(command, command->path, &findings);
    /* /usr/bin/vi may be vim, and any name may be busybox. */
    if (findings.count == 0 && facts != NULL && facts->real[0] != '\0') {
        judge_program(facts->real, &findings);
        judge_use(command, facts->real, &findings);
    }
    judge_arguments(command, &findings);
    if (facts != NULL) {
        judge_file(facts, &findings);
    }
    return findings.count;
}

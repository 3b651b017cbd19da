/* guest: what a module may not change in the process that it is a guest of: the handler of every signal, the signal
 * mask, umask, working directory, root directory, environment, locale, resource limits and descriptors. */
#ifndef SSM_TESTS_HOST_GUEST_H
#define SSM_TESTS_HOST_GUEST_H

#define GUEST_SIZE (64 * 1024)

/* As lines of text, for comparing with strcmp. The program ends when there is no room, or no /proc. */
void guest_describe(char ret_lines[GUEST_SIZE]);

#endif

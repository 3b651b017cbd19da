#include "tests/emulator/ack_window.h"

#include <stdlib.h>

static uint64_t bit_of(int64_t sequence_number)
{
    return (uint64_t)sequence_number % ACK_WINDOW_SIZE;
}

void ack_window_add(struct ack_window *window, int64_t sequence_number)
{
    if (sequence_number < window->base || sequence_number - window->base >= ACK_WINDOW_SIZE) {
        return;
    }
    if (window->bits == NULL) {
        window->bits = calloc(ACK_WINDOW_SIZE / 8, 1);
        if (window->bits == NULL) {
            return;
        }
    }
    uint64_t bit = bit_of(sequence_number);
    window->bits[bit / 8] |= (uint8_t)(1u << bit % 8);
    for (bit = bit_of(window->base); (window->bits[bit / 8] & 1u << bit % 8) != 0; bit = bit_of(window->base)) {
        window->bits[bit / 8] &= (uint8_t) ~(1u << bit % 8);
        window->base++;
    }
}

bool ack_window_has(const struct ack_window *window, int64_t sequence_number)
{
    if (sequence_number < 0 || window->bits == NULL || sequence_number - window->base >= ACK_WINDOW_SIZE) {
        return false;
    }
    uint64_t bit = bit_of(sequence_number);
    return sequence_number < window->base || (window->bits[bit / 8] & 1u << bit % 8) != 0;
}

void ack_window_free(struct ack_window *window)
{
    free(window->bits);
    window->bits = NULL;
}

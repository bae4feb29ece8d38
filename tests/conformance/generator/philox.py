"""Philox 4x32-10 (Salmon, Moraes, Dror, Shaw, SC 2011), and what the contract draws from it."""

M0, M1, W0, W1, MASK = 0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85, 0xFFFFFFFF


def block(counter, key):
    c, k = list(counter), list(key)
    for _ in range(10):
        a, b = M0 * c[0], M1 * c[2]
        c = [(b >> 32) ^ c[1] ^ k[0], b & MASK, (a >> 32) ^ c[3] ^ k[1], a & MASK]
        k = [(k[0] + W0) & MASK, (k[1] + W1) & MASK]
    return c


# The known answers that the authors publish with their library.
assert block([0] * 4, [0] * 2) == [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]
assert block([MASK] * 4, [MASK] * 2) == [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]


def words(n):
    return [n & MASK, n >> 32]


def order(rows, epoch, seed):
    """TrainRequest's order of the rows in an epoch."""
    result = [0] * rows
    for i in range(rows):
        drawn = block(words(i) + words(epoch), words(seed))
        j = ((drawn[0] | drawn[1] << 32) * (i + 1)) >> 64
        result[i] = result[j]
        result[j] = i
    return result


def uniform(index, step, seed):
    """The 32 bits of an element of a tensor of random numbers."""
    return block(words(index // 4) + words(step), words(seed))[index % 4]

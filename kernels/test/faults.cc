// Calls that must end in an error on a device, and calls with nothing in them, which must not.

#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "support.h"

namespace {

float* pointer(int64_t address) { return reinterpret_cast<float*>(address); }

/** On the host any memory may be a tensor; a device knows its own. */
void testPointers() {
  int64_t x = 0, y = 0;
  expectOk("allocate", inseq_allocate(400, &x));
  expectOk("allocate", inseq_allocate(400, &y));
  expectOk("a tensor", inseq_activation(pointer(x), 100, INSEQ_RELU, pointer(y)));
  expectOk("a part of one", inseq_activation(pointer(x + 40), 90, INSEQ_RELU, pointer(y)));
  expectError("too short", inseq_activation(pointer(x + 4), 100, INSEQ_RELU, pointer(y)),
              "expected x to have 100 numbers in device memory, received an address with 99");
  expectError("misaligned", inseq_activation(pointer(x + 2), 10, INSEQ_RELU, pointer(y)), "a multiple of 4");
  expectError("none", inseq_activation(nullptr, 1, INSEQ_RELU, pointer(y)), "received none");
  float host[4] = {};
  expectError("the host's", inseq_activation(host, 4, INSEQ_RELU, pointer(y)), "never given out");
  expectError("an upload that is too long", inseq_upload(host, x + 392, 16), "received an address with 8");
  expectError("a download that is too long", inseq_download(x + 392, host, 16), "received an address with 8");
  expectError("a copy that is too long", inseq_copy(x, y + 4, 400), "received an address with 396");
  expectOk("free", inseq_free(x));
  expectError("freed", inseq_activation(pointer(x), 100, INSEQ_RELU, pointer(y)), "which was freed or never given out");
  expectOk("free", inseq_free(y));
}

/** A kernel's scratch memory may not fit: the status says so, and the next call works. */
void testFullMemory() {
  const Floats q = random(4 * 8), dy = random(4 * 8), l = random(4);
  const auto query = on(q), cotangent = on(dy), logSumExp = on(l);
  int64_t used = 0, out = 0;
  expectOk("allocate", inseq_allocate(3 * 32 * 4, &out));
  expectOk("memory", inseq_memory(INSEQ_BYTES_IN_USE, &used));
  const auto backward = [&] {
    return inseq_attention_backward(cotangent, query, query, query, nullptr, nullptr, logSumExp, 1, 1, 1, 4, 4, 8, 0, 0,
                                    0, 1, 0, 8, 8, 1, pointer(out), pointer(out + 128), pointer(out + 256), nullptr);
  };
  expectOk("limit", inseq_set_memory_limit(used));
  comparisons++;
  if (backward() != INSEQ_OUT_OF_MEMORY) report("full memory", "expected INSEQ_OUT_OF_MEMORY");
  expectError("full memory", backward(), "are in use");
  expectOk("limit", inseq_set_memory_limit(0));
  expectOk("attention backward", backward());
  expectOk("free", inseq_free(out));
}

void testFork() {
  const pid_t child = fork();
  if (child == 0) {
    int64_t address = 0;
    const bool refused = inseq_allocate(4, &address) != INSEQ_OK && std::strstr(inseq_message(), "a fork of it");
    _exit(refused ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  comparisons++;
  if (status != 0) report("fork", "expected the child to be refused");
}

/** On the host a fork computes with threads of its own, whether or not its parent has any. */
void testForkOnHost() {
  const Floats x = random(1 << 18);
  const auto sum = [&] {
    Floats y(1 << 9);
    return inseq_reduce(x.data(), INSEQ_SUM, 1 << 9, 1 << 9, 1, y.data()) == INSEQ_OK ? y : Floats();
  };
  const int64_t before = inseq_threads();
  expectOk("threads", inseq_set_threads(4));
  const Floats expected = sum();
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);  // a child that waits for its parent's threads would wait for ever
    _exit(sum() == expected && inseq_set_threads(2) == INSEQ_OK && sum() == expected ? 0 : 1);
  }
  int status = 1;
  waitpid(child, &status, 0);
  comparisons++;
  if (expected.empty() || status != 0) report("fork", "expected the child to compute what its parent does");
  expectOk("threads", inseq_set_threads(before));
}

/** Sizes of zero: nothing is read, nothing written. */
void testNothing() {
  expectOk("activation", inseq_activation(nullptr, 0, INSEQ_GELU, nullptr));
  expectOk("matmul", inseq_matmul(nullptr, nullptr, 0, 3, 4, 5, 15, 20, 0, 0, nullptr));
  expectOk("linear", inseq_linear(nullptr, nullptr, 0, nullptr, 0, 0, 4, 0, 0, INSEQ_LINEAR, nullptr, nullptr));
  expectOk("layer norm", inseq_layer_norm(nullptr, nullptr, nullptr, 0, 8, 1e-5f, nullptr));
  expectOk("softmax", inseq_softmax(nullptr, 0, 8, 0, nullptr));
  expectOk("reduce", inseq_reduce(nullptr, INSEQ_SUM, 0, 8, 3, nullptr));
  expectOk("embedding", inseq_embedding(nullptr, nullptr, 0, 0, 3, nullptr));
  expectOk("copy rows", inseq_copy_rows(nullptr, 0, 8, 8, 8, nullptr));
  expectOk("repeat", inseq_repeat(nullptr, 0, 3, 8, nullptr));
  expectOk("fill", inseq_fill(nullptr, 0, 1));
  expectOk("weighted sum", inseq_weighted_sum(nullptr, nullptr, 0, 0, 0, nullptr));
  // A sum of no numbers is zero.
  const Floats zeros = once("reduce", 6, [&](float* y) { return inseq_reduce(nullptr, INSEQ_SUM, 2, 0, 3, y); });
  expectClose("a sum of nothing", zeros, Doubles(6), 0);
}

}  // namespace

void testFaults() {
  testNothing();
  if (onHost()) return testForkOnHost();
  testPointers();
  testFullMemory();
  testFork();
  expectError("open", inseq_open(1), "");
}

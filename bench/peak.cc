// What this machine can do at most: g++ -O3 -ffp-contract=fast -march=native -pthread peak.cc && ./a.out THREADS
//
// Prints GFLOP/s of fused multiply-adds in registers, as many as a core keeps in flight, and GB/s of adding two arrays into a
// third (12 bytes a number), each with all threads at once and the best of several runs, by the processor time of the threads:
// on a busy machine, too, that is what a core can do.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <thread>
#include <vector>

#if defined(__AVX512F__)
constexpr int W = 16;
#elif defined(__AVX__)
constexpr int W = 8;
#else
constexpr int W = 4;
#endif
typedef float V __attribute__((vector_size(4 * W)));
constexpr int CHAINS = 16;
constexpr long STEPS = 20'000'000;
constexpr long NUMBERS = 16'000'000;

volatile float sink;

void multiply() {
  V a[CHAINS], b{}, c{};
  for (int i = 0; i < W; i++) b[i] = 1.0f - 1e-7f * i, c[i] = 1e-7f;
  for (V& v : a) v = c;
  for (long step = 0; step < STEPS; step++) {
#pragma GCC unroll 16
    for (int i = 0; i < CHAINS; i++) a[i] = a[i] * b + c;
  }
  float total = 0;
  for (V& v : a) total += v[0] + v[W - 1];
  sink = total;
}

double threadSeconds() {
  timespec time;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

template <typename Work>
double best(int threads, Work work) {
  double least = 1e9;
  for (int run = 0; run < 5; run++) {
    std::vector<std::thread> others;
    std::vector<double> seconds(threads);
    for (int t = 0; t < threads; t++) {
      others.emplace_back([&, t] {
        const double start = threadSeconds();
        work(t);
        seconds[t] = threadSeconds() - start;
      });
    }
    for (std::thread& other : others) other.join();
    least = std::min(least, *std::max_element(seconds.begin(), seconds.end()));
  }
  return least;
}

int main(int, char** arguments) {
  const int threads = std::atoi(arguments[1]);
  const double seconds = best(threads, [](int) { multiply(); });
  std::vector<float> x(NUMBERS, 1.0f), y(NUMBERS, 2.0f), z(NUMBERS, 0.0f);
  const double moving = best(threads, [&](int t) {
    for (long i = NUMBERS * t / threads; i < NUMBERS * (t + 1) / threads; i++) z[i] = x[i] + y[i];
  });
  sink = z[NUMBERS / 2];
  std::printf("{\"gflops\": %.1f, \"gbytes\": %.1f}\n", 2e-9 * W * CHAINS * STEPS * threads / seconds,
              12e-9 * NUMBERS / moving);
}

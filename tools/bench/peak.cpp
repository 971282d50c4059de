// What the processor can do at all: float32 fused multiply-adds per second, on one thread and on all, and bytes read from memory per second on all,
// as one line of JSON.
// The widest instructions are chosen when it runs, so the binary may be moved. Twelve independent chains hide the latency of one.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static volatile float sink;
static const int CHAINS = 12;

#if defined(__x86_64__)
__attribute__((target("avx512f"), noinline)) static void avx512(long rounds) {
  __m512 sum[CHAINS], factor = _mm512_set1_ps(0.999f), term = _mm512_set1_ps(0.001f);
  for (int i = 0; i < CHAINS; i++) sum[i] = _mm512_set1_ps(i * 0.1f);
  for (long k = 0; k < rounds; k++) {
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) sum[i] = _mm512_fmadd_ps(sum[i], factor, term);
  }
  for (int i = 1; i < CHAINS; i++) sum[0] = _mm512_add_ps(sum[0], sum[i]);
  float out[16];
  _mm512_storeu_ps(out, sum[0]);
  sink = out[0];
}
__attribute__((target("avx2,fma"), noinline)) static void avx2(long rounds) {
  __m256 sum[CHAINS], factor = _mm256_set1_ps(0.999f), term = _mm256_set1_ps(0.001f);
  for (int i = 0; i < CHAINS; i++) sum[i] = _mm256_set1_ps(i * 0.1f);
  for (long k = 0; k < rounds; k++) {
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) sum[i] = _mm256_fmadd_ps(sum[i], factor, term);
  }
  for (int i = 1; i < CHAINS; i++) sum[0] = _mm256_add_ps(sum[0], sum[i]);
  float out[8];
  _mm256_storeu_ps(out, sum[0]);
  sink = out[0];
}
#endif

typedef float vector4 __attribute__((vector_size(16)));
__attribute__((noinline)) static void portable(long rounds) {
  vector4 sum[CHAINS], factor = {0.999f, 0.999f, 0.999f, 0.999f}, term = {0.001f, 0.001f, 0.001f, 0.001f};
  for (int i = 0; i < CHAINS; i++) sum[i] = factor * (i * 0.1f);
  for (long k = 0; k < rounds; k++) {
#pragma GCC unroll 12
    for (int i = 0; i < CHAINS; i++) sum[i] = sum[i] * factor + term;
  }
  for (int i = 1; i < CHAINS; i++) sum[0] += sum[i];
  sink = sum[0][0];
}

static double gflops(void (*kernel)(long), int lanes, int threads, long rounds) {
  std::vector<double> rates;
  for (int repetition = 0; repetition < 7; repetition++) {
    auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> pool;
    for (int i = 0; i < threads; i++) pool.emplace_back(kernel, rounds);
    for (auto &thread : pool) thread.join();
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    rates.push_back(2.0 * CHAINS * lanes * rounds * threads / seconds / 1e9);
  }
  std::sort(rates.begin(), rates.end());
  return rates[rates.size() / 2];
}

/** Reads 512 MiB again and again, each thread its part. */
static double readGigabytesPerSecond(int threads) {
  size_t count = size_t(128) << 20;
  std::vector<float> memory(count, 1.0f);
  std::vector<double> rates;
  for (int repetition = 0; repetition < 7; repetition++) {
    auto start = std::chrono::steady_clock::now();
    std::vector<std::thread> pool;
    for (int i = 0; i < threads; i++)
      pool.emplace_back([&, i] {
        vector4 sums[16] = {};
        const float *from = memory.data() + count / threads * i;
        for (size_t k = 0; k + 64 <= count / threads; k += 64)
          for (int j = 0; j < 16; j++) sums[j] += *reinterpret_cast<const vector4 *>(from + k + 4 * j);
        for (int j = 1; j < 16; j++) sums[0] += sums[j];
        sink = sums[0][0];
      });
    for (auto &thread : pool) thread.join();
    double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    rates.push_back(4.0 * count / seconds / 1e9);
  }
  std::sort(rates.begin(), rates.end());
  return rates[rates.size() / 2];
}

int main() {
  const char *isa = "portable";
  void (*kernel)(long) = portable;
  int lanes = 4;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) isa = "avx512", kernel = avx512, lanes = 16;
  else if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) isa = "avx2", kernel = avx2, lanes = 8;
#endif
  int cores = std::max(1u, std::thread::hardware_concurrency());
  long rounds = 10000000;
  std::printf("{\"isa\":\"%s\",\"threads\":%d,\"gflopsOneThread\":%.1f,\"gflops\":%.1f,\"readGigabytesPerSecond\":%.1f}\n", isa, cores,
              gflops(kernel, lanes, 1, rounds), gflops(kernel, lanes, cores, rounds), readGigabytesPerSecond(cores));
}

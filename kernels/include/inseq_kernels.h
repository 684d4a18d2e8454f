/*
 * The kernels of inseq-tfjs: a plain C interface.
 *
 * Letters, outermost axis first: B batch, T queries, S keys, D width, H heads, G key/value heads, K head width,
 * R rows, I inputs and O outputs of a linear layer, V vocabulary, M N K of a matrix product. Tensors are dense,
 * row-major float32 (`mask` and ids: int32). Argument names are those of the definitions in src/ops.
 *
 * Every function returns INSEQ_OK or an error; inseq_message() then says in one sentence what was expected and what came,
 * for the calling thread. Sizes are checked, pointers cannot be. Outputs must not overlap inputs. The same inputs give the
 * same bits for any number of threads: every number is summed by one thread, in one order.
 *
 * Two libraries implement this interface: one for the CPU, one for a CUDA device. Pointers to float, int32_t and uint16_t
 * are tensors and lie in the library's memory: for the CPU any memory of the process, for a device what inseq_allocate
 * gave (an address, or a place inside such a block). Pointers to int64_t, char and void are the caller's own memory in
 * both. A device works through its calls in order, in one stream; only inseq_download and inseq_synchronize wait for it.
 *
 * "Repeated" activations: row r of the outputs reads row r / times of a saved activation, because one forward pass serves
 * `times` cotangents. Each backward function takes `times` (1: nothing is repeated), and the activation is laid out as
 * blocks of `block` numbers: number i of copy j of block k has the cotangent dy[(k * times + j) * block + i].
 */
#ifndef INSEQ_KERNELS_H
#define INSEQ_KERNELS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised with every change of this file; the caller compares it with the one it was written for. */
#define INSEQ_INTERFACE_VERSION 12

#define INSEQ_API __attribute__((visibility("default")))
/* An argument that the function writes one value to. */
#define INSEQ_OUT

enum { INSEQ_OK = 0, INSEQ_BAD_ARGUMENT = 1, INSEQ_OUT_OF_MEMORY = 2, INSEQ_DEVICE_ERROR = 3 };

/* ---- the library ---- */

INSEQ_API int inseq_interface_version(void);
/* Why the last call of this thread failed. */
INSEQ_API const char* inseq_message(void);
/* What this library was compiled for: "avx512", "avx2", "portable"; "cuda", or "cuda emulated" (kernels/test/cudaShim). */
INSEQ_API const char* inseq_instruction_set(void);
/* The best of the first three that this machine can run; "cuda" from the CUDA library. */
INSEQ_API const char* inseq_best_instruction_set(void);
/* Host threads to compute with, the calling one included; 1 <= count <= 256, on a device 1. The default is one per processor. */
INSEQ_API int inseq_set_threads(int64_t count);
INSEQ_API int64_t inseq_threads(void);
/* Bytes of packed matrices. */
INSEQ_API int64_t inseq_packed_bytes(void);
/* Linear layers that were multiplied in float32 on a CPU's tile registers (AMX), so far; 0 where there are none. */
INSEQ_API int64_t inseq_tile_products(void);
/* Of these, those of which rows were multiplied as whole numbers of three bytes, the faster of two ways (kernels/README.md). */
INSEQ_API int64_t inseq_digit_products(void);

/* ---- the device and its memory ---- */

/* Devices that this machine has; an error says why there is none. The CPU counts as one. */
INSEQ_API int inseq_device_count(INSEQ_OUT int64_t* count);
/*
 * Chooses the device of this process, before any other call that computes or allocates; choosing it again does nothing. A
 * forked process cannot use its parent's device.
 */
INSEQ_API int inseq_open(int64_t device);
/* "NVIDIA H100 80GB HBM3"; "cpu". */
INSEQ_API const char* inseq_device_name(void);
/* 90 for compute capability 9.0; 0 for the CPU. */
INSEQ_API int64_t inseq_compute_capability(void);
/* Where matrix products come from: the cuBLAS found, its version and path; "built in". */
INSEQ_API const char* inseq_matmul_library(void);

enum { INSEQ_FLOAT32_PRECISION = 0, INSEQ_HIGH_PRECISION = 1, INSEQ_BFLOAT16_PRECISION = 2 };
/*
 * How matrix products multiply: in float32 (the default), or, with "high", with fewer bits where the device is faster
 * then: TF32 (10 bits of mantissa) on CUDA, bfloat16 (7 bits) in linear layers on a CPU with AVX512-BF16, and float32 on others. With
 * bfloat16, which CUDA alone has, matrices that are packed from then
 * on are kept in it, too, and factors of other products are rounded to it or TF32. Sums are float32 in all cases, and so is
 * every other operation.
 */
INSEQ_API int inseq_set_precision(int32_t precision);
/* How they multiply now: float32 where "high" was asked for and the device has nothing faster. */
INSEQ_API int32_t inseq_precision(void);

/* Memory of `bytes` bytes for tensors, aligned to 256, from a cache; its address is 0 for 0 bytes. Not initialised. */
INSEQ_API int inseq_allocate(int64_t bytes, INSEQ_OUT int64_t* address);
/* Gives a block back to the cache; work that was queued before may still read it. 0 is ignored. */
INSEQ_API int inseq_free(int64_t address);
/* Gives cached memory back to the system. */
INSEQ_API int inseq_release_cache(void);
/* Bytes that may be allocated at a time; 0, the default: as many as there are. */
INSEQ_API int inseq_set_memory_limit(int64_t bytes);
enum {
  INSEQ_BYTES_IN_USE = 0,    /* allocated and not freed */
  INSEQ_BYTES_PEAK = 1,      /* the most that were in use, since the last inseq_reset_peak */
  INSEQ_BYTES_RESERVED = 2,  /* taken from the system, the cache included */
  INSEQ_BYTES_LIMIT = 3,     /* 0: none */
  INSEQ_BYTES_TOTAL = 4,     /* of the device */
  INSEQ_BYTES_FREE = 5       /* of the device, now */
};
INSEQ_API int inseq_memory(int32_t what, INSEQ_OUT int64_t* bytes);
INSEQ_API int inseq_reset_peak(void);

/* Copies from the caller's memory; it may be changed as soon as the call returns. */
INSEQ_API int inseq_upload(const void* host, int64_t address, int64_t bytes);
/* Copies to the caller's memory, after waiting for all that was queued; reports errors found on the way. */
INSEQ_API int inseq_download(int64_t address, void* host, int64_t bytes);
INSEQ_API int inseq_copy(int64_t from, int64_t to, int64_t bytes);
INSEQ_API int inseq_synchronize(void);
/* y[i] = value */
INSEQ_API int inseq_fill(float* y, int64_t size, float value);

/* ---- matrix products ---- */

/*
 * c[b] = a[b] b[b], batches b < B: [M, K] x [K, N] -> [M, N]. An operand may be transposed, and a batch stride (in numbers)
 * of zero shares one matrix among all batches.
 */
INSEQ_API int inseq_matmul(const float* a, const float* b, int64_t B, int64_t M, int64_t N, int64_t K,
                           int64_t a_batch_stride, int64_t b_batch_stride, int32_t transpose_a, int32_t transpose_b,
                           float* c);
/*
 * Packs a frozen matrix [I, O] for products with it and with its transpose, and writes a handle > 0. The matrix is copied,
 * and can be read back. A released handle is an error, never a crash.
 */
INSEQ_API int inseq_pack(const float* kernel, int64_t I, int64_t O, INSEQ_OUT int64_t* handle);
/* The packed matrix [I, O] as it was. */
INSEQ_API int inseq_read_packed(int64_t handle, int64_t I, int64_t O, float* kernel);
INSEQ_API int inseq_unpack(int64_t handle);
/*
 * z = x W + b, y = f(z): x [M, I], W [I, O] -> y [M, O]. W is `packed` if that is not 0, else `kernel`; with
 * transpose_kernel that matrix is [O, I] and W its transpose. bias [O] may be null. With skip_zero_rows, rows of x that are
 * all zero give z = b (or zero) without work. f is an `activation` (below; INSEQ_LINEAR for none), computed where the sums
 * end. `before` [M, O], which may be null, gets z, which inseq_activation_backward needs; otherwise z is not stored.
 */
INSEQ_API int inseq_linear(const float* x, const float* kernel, int64_t packed, const float* bias, int64_t M, int64_t I,
                           int64_t O, int32_t transpose_kernel, int32_t skip_zero_rows, int32_t activation, float* before,
                           float* y);

/* How a frozen matrix [I, O] is stored in fewer bits, row by row; a row begins with a new byte. */
enum {
  INSEQ_INT8 = 0,             /* w = q s[o] */
  INSEQ_INT4 = 1,             /* w = (q - 8) s[i / 32, o], two in a byte, the first in the lower half */
  INSEQ_COMPACT_BFLOAT16 = 2  /* the upper half of a float32; no scales */
};
/*
 * z = x W + b for such a matrix, or, with transpose_kernel, z = x Wᵀ: x [M, I] -> y [M, O], or x [M, O] -> y [M, I]. It is
 * as inseq_linear of the float32 matrix, which is made in pieces and not kept.
 */
INSEQ_API int inseq_compact_linear(const float* x, const int32_t* words, const float* scales, int32_t format,
                                   const float* bias, int64_t M, int64_t I, int64_t O, int32_t transpose_kernel,
                                   int32_t skip_zero_rows, int32_t activation, float* before, float* y);

/* ---- norms over the last axis ---- */

INSEQ_API int inseq_layer_norm(const float* x, const float* scale, const float* bias, int64_t R, int64_t D,
                               float epsilon, float* y);
/* x [R, D]; dy and dx [R * times, D], in blocks of `block` numbers, a multiple of D. */
INSEQ_API int inseq_layer_norm_backward(const float* dy, const float* x, const float* scale, int64_t R, int64_t D,
                                        float epsilon, int64_t times, int64_t block, float* dx);
INSEQ_API int inseq_rms_norm(const float* x, const float* scale, int64_t R, int64_t D, float epsilon, float* y);
INSEQ_API int inseq_rms_norm_backward(const float* dy, const float* x, const float* scale, int64_t R, int64_t D,
                                      float epsilon, int64_t times, int64_t block, float* dx);

/* ---- element-wise non-linearities ---- */

enum {
  INSEQ_LINEAR = 0,
  INSEQ_RELU = 1,
  INSEQ_TANH = 2,
  INSEQ_SIGMOID = 3,
  INSEQ_SILU = 4,
  INSEQ_QUICK_GELU = 5,
  INSEQ_GELU = 6,
  INSEQ_GELU_NEW = 7,
  INSEQ_RELU_SQUARED = 8
};

INSEQ_API int inseq_activation(const float* x, int64_t size, int32_t activation, float* y);
INSEQ_API int inseq_activation_backward(const float* dy, const float* x, int64_t size, int32_t activation,
                                        int64_t times, int64_t block, float* dx);
INSEQ_API int inseq_gated_unit(const float* gate, const float* up, int64_t size, int32_t activation, float* y);
INSEQ_API int inseq_gated_unit_backward(const float* dy, const float* gate, const float* up, int64_t size,
                                        int32_t activation, int64_t times, int64_t block, float* d_gate, float* d_up);
/* exp, tanh and erf alone, for the tests of their error bounds. */
enum { INSEQ_EXP = 0, INSEQ_TANH_ONLY = 1, INSEQ_ERF = 2 };
INSEQ_API int inseq_function(const float* x, int64_t size, int32_t function, float* y);

/* ---- attention ---- */

/*
 * O = softmax(A) V with A = cap(scale QK^T) + bias, masked. query [B, H, T, K], key and value [B, G, S, K] -> output
 * [B, H, T, K]. cap(x) = soft_cap tanh(x / soft_cap); soft_cap 0: none. bias may be null; its strides are in numbers, 0
 * along an axis that it shares; its last axis is S. mask [B, S] may be null. Query t stands at t + S - T and sees keys from
 * `before` positions before it to `after` positions after it (both >= 0; T + S: all; causal: after = 0). A query that sees
 * nothing gives the mean of all values. log_sum_exp [B, H, T] gets ln sum e^A of what each query sees, -infinity
 * where it sees nothing; it may be null. T x S numbers are never stored.
 */
INSEQ_API int inseq_attention(const float* query, const float* key, const float* value, const float* bias,
                              const int32_t* mask, int64_t B, int64_t H, int64_t G, int64_t T, int64_t S, int64_t K,
                              int64_t bias_stride_b, int64_t bias_stride_h, int64_t bias_stride_t, float scale,
                              float soft_cap, int64_t before, int64_t after, float* output, float* log_sum_exp);
/* The same, giving the probabilities [B, H, T, S]. */
INSEQ_API int inseq_attention_probabilities(const float* query, const float* key, const float* bias,
                                            const int32_t* mask, int64_t B, int64_t H, int64_t G, int64_t T, int64_t S,
                                            int64_t K, int64_t bias_stride_b, int64_t bias_stride_h,
                                            int64_t bias_stride_t, float scale, float soft_cap, int64_t before,
                                            int64_t after, float* probabilities);
/*
 * dy [B * times, H, T, K] -> d_query [B * times, H, T, K], d_key and d_value [B * times, G, S, K]. query, key, value, bias,
 * mask and log_sum_exp are those of the forward pass; probabilities are computed anew from the last, some rows at a time.
 * d_bias, laid out as bias, may be null, and has one value for all copies. Queries after the last one with a cotangent are
 * skipped.
 */
INSEQ_API int inseq_attention_backward(const float* dy, const float* query, const float* key, const float* value,
                                       const float* bias, const int32_t* mask, const float* log_sum_exp, int64_t B,
                                       int64_t H, int64_t G, int64_t T, int64_t S, int64_t K, int64_t bias_stride_b,
                                       int64_t bias_stride_h, int64_t bias_stride_t, float scale, float soft_cap,
                                       int64_t before, int64_t after, int64_t times, float* d_query, float* d_key,
                                       float* d_value, float* d_bias);
/* The same from the cotangent dy [B * times, H, T, S] of the probabilities. */
INSEQ_API int inseq_attention_probabilities_backward(const float* dy, const float* query, const float* key,
                                                     const float* bias, const int32_t* mask, int64_t B, int64_t H,
                                                     int64_t G, int64_t T, int64_t S, int64_t K, int64_t bias_stride_b,
                                                     int64_t bias_stride_h, int64_t bias_stride_t, float scale,
                                                     float soft_cap, int64_t before, int64_t after, int64_t times,
                                                     float* d_query, float* d_key, float* d_bias);

/*
 * Rotary positions. x [B, H, T, K]; cos and sin [B or 1, T, K/2], angle_batch_stride numbers apart (0: shared).
 * inverse turns back, which is the gradient.
 */
INSEQ_API int inseq_rotary(const float* x, const float* cos, const float* sin, int64_t B, int64_t H, int64_t T,
                           int64_t K, int64_t angle_batch_stride, int32_t inverse, float* y);

/* ---- tables and entries ---- */

/*
 * An id or index outside its table is an error; a device tells it with the next download or synchronisation, and leaves the
 * row that it was for undefined.
 */
/* y[m] = table[ids[m]]: table [V, D]. */
INSEQ_API int inseq_embedding(const float* table, const int32_t* ids, int64_t M, int64_t V, int64_t D, float* y);
/* d_table[v] = sum of dy[m] where ids[m] = v, in the order of m: dy [M, D] -> d_table [V, D]. */
INSEQ_API int inseq_embedding_backward(const float* dy, const int32_t* ids, int64_t M, int64_t V, int64_t D,
                                       float* d_table);
/* y[b] = x[b / times, index[b]]: x [B / times, N, D] -> y [B, D]. */
INSEQ_API int inseq_select(const float* x, const int32_t* index, int64_t B, int64_t N, int64_t D, int64_t times,
                           float* y);
/* dx[b, n] = dy[b] where n = index[b], else 0. */
INSEQ_API int inseq_select_backward(const float* dy, const int32_t* index, int64_t B, int64_t N, int64_t D, float* dx);

/* ---- softmax over the last axis ---- */

INSEQ_API int inseq_softmax(const float* x, int64_t R, int64_t V, int32_t logarithm, float* y);

/* ---- element-wise with broadcasting, reductions, moving ---- */

enum {
  INSEQ_ADD = 0,
  INSEQ_SUB = 1,
  INSEQ_MUL = 2,
  INSEQ_DIV = 3,
  INSEQ_MAXIMUM = 4,
  INSEQ_MINIMUM = 5,
  INSEQ_POW = 6,
  INSEQ_SQUARED_DIFFERENCE = 7
};
/* y = a (op) b over `sizes` [rank <= 6]; strides in numbers, 0 where an operand is broadcast. */
INSEQ_API int inseq_binary(const float* a, const float* b, int32_t operation, int64_t rank, const int64_t* sizes,
                           const int64_t* a_strides, const int64_t* b_strides, float* y);

enum { INSEQ_SUM = 0, INSEQ_MEAN = 1, INSEQ_MAX = 2, INSEQ_MIN = 3, INSEQ_L1 = 4, INSEQ_L2 = 5 };
/* x [outer, N, inner] -> y [outer, inner]. L1: the sum of absolute values; L2: the root of the sum of squares. */
INSEQ_API int inseq_reduce(const float* x, int32_t reduction, int64_t outer, int64_t N, int64_t inner, float* y);

/* y = x with its axes in another order: axis i of y is axis permutation[i] of x; rank <= 6. */
INSEQ_API int inseq_transpose(const float* x, int64_t rank, const int64_t* sizes, const int64_t* permutation, float* y);
/* rows of `width` numbers from x (rows x_stride apart) to y (rows y_stride apart). */
INSEQ_API int inseq_copy_rows(const float* x, int64_t rows, int64_t width, int64_t x_stride, int64_t y_stride,
                              float* y);
/* y[k, j] = x[k] for j < times: x [blocks, block] -> y [blocks, times, block]. */
INSEQ_API int inseq_repeat(const float* x, int64_t blocks, int64_t times, int64_t block, float* y);

/* ---- TensorFlow.js's own operations; a uint32_t is a number of four bytes of any type, which is only moved ---- */

enum {
  INSEQ_NEG = 0,
  INSEQ_ABS = 1,
  INSEQ_SIGN = 2,
  INSEQ_STEP = 3,
  INSEQ_FLOOR = 4,
  INSEQ_CEIL = 5,
  INSEQ_ROUND = 6, /* halves to the even neighbour */
  INSEQ_NATURAL_EXP = 7,
  INSEQ_EXPM1 = 8,
  INSEQ_LOG = 9,
  INSEQ_LOG1P = 10,
  INSEQ_SQRT = 11,
  INSEQ_RSQRT = 12,
  INSEQ_SQUARE = 13,
  INSEQ_RECIPROCAL = 14,
  INSEQ_SIN = 15,
  INSEQ_COS = 16,
  INSEQ_ERROR_FUNCTION = 17
};
INSEQ_API int inseq_unary(const float* x, int64_t size, int32_t operation, float* y);
INSEQ_API int inseq_to_float(const int32_t* x, int64_t size, float* y);
/* Towards zero, NaN to 0, too large ones to the nearest int32; with `truth`, 1 for all that is not zero. */
INSEQ_API int inseq_to_integer(const float* x, int64_t size, int32_t truth, int32_t* y);

enum {
  INSEQ_EQUAL = 0,
  INSEQ_NOT_EQUAL = 1,
  INSEQ_LESS = 2,
  INSEQ_LESS_EQUAL = 3,
  INSEQ_GREATER = 4,
  INSEQ_GREATER_EQUAL = 5
};
/* y = 1 where a (comparison) b, else 0; sizes and strides as for inseq_binary. */
INSEQ_API int inseq_compare(const float* a, const float* b, int32_t comparison, int64_t rank, const int64_t* sizes,
                            const int64_t* a_strides, const int64_t* b_strides, int32_t* y);
INSEQ_API int inseq_compare_int32(const int32_t* a, const int32_t* b, int32_t comparison, int64_t rank,
                                  const int64_t* sizes, const int64_t* a_strides, const int64_t* b_strides, int32_t* y);
/* ADD, SUB, MUL (which wrap around), MAXIMUM and MINIMUM (of 0 and 1: or, and). */
INSEQ_API int inseq_binary_int32(const int32_t* a, const int32_t* b, int32_t operation, int64_t rank,
                                 const int64_t* sizes, const int64_t* a_strides, const int64_t* b_strides, int32_t* y);
/* y[i] = condition[i / inner] ? a[i] : b[i] */
INSEQ_API int inseq_where(const int32_t* condition, const uint32_t* a, const uint32_t* b, int64_t size, int64_t inner,
                          uint32_t* y);

/* Number (i, j, ...) of `sizes` from x to y, whose strides may be 0 or negative; rank <= 6. */
INSEQ_API int inseq_strided_copy(const uint32_t* x, int64_t rank, const int64_t* sizes, const int64_t* x_strides,
                                 const int64_t* y_strides, uint32_t* y);
/* y[o, m, i] = x[o, ids[m], i]: x [outer, N, inner] -> y [outer, M, inner]. An id outside of x is an error. */
INSEQ_API int inseq_gather(const uint32_t* x, const int32_t* ids, int64_t outer, int64_t N, int64_t inner, int64_t M,
                           uint32_t* y);

/* Sums of the first n numbers along one axis of x [outer, N, inner], the n-th included unless `exclusive`; or the last. */
INSEQ_API int inseq_cumsum(const float* x, int64_t outer, int64_t N, int64_t inner, int32_t exclusive, int32_t reverse,
                           float* y);
/* The K largest of each row of x [R, V] and their places, in descending order; the first of equals first, NaN before all. */
INSEQ_API int inseq_top_k(const float* x, int64_t R, int64_t V, int64_t K, float* values, int32_t* indices);
/* The place of the first largest (or smallest) number along one axis of x [outer, N, inner] -> y [outer, inner]. */
INSEQ_API int inseq_arg_extreme(const float* x, int64_t outer, int64_t N, int64_t inner, int32_t smallest, int32_t* y);

/* ---- checkpoints ---- */

enum { INSEQ_BFLOAT16 = 0, INSEQ_FLOAT16 = 1 };
/* y = x, numbers of 16 bits as float32, which holds all of them. */
INSEQ_API int inseq_widen(const uint16_t* x, int32_t type, int64_t size, float* y);

/* ---- attribution ---- */

/* Points of a path: y[k] = baseline + fractions[k] (x - baseline), x and baseline [size] -> y [K, size]. */
INSEQ_API int inseq_path_points(const float* x, const float* baseline, const float* fractions, int64_t K, int64_t size,
                                float* y);
/* Gradient times input: y[r] = sum over D of dy[r] x[r], for dy [R * times, D] and x [R, D] in blocks -> y [R * times]. */
INSEQ_API int inseq_gradient_times_input(const float* dy, const float* x, int64_t R, int64_t D, int64_t times,
                                         int64_t block, float* y);
/* Quadrature: y = (y +) sum over K of weights[k] x[k], x [K, size] -> y [size]; adds to y with `accumulate`. */
INSEQ_API int inseq_weighted_sum(const float* x, const float* weights, int64_t K, int64_t size, int32_t accumulate,
                                 float* y);

#ifdef __cplusplus
}
#endif
#endif

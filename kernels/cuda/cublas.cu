// Finding cuBLAS, and products through it.
//
// It is looked for, in this order: the file in $INSEQ_CUBLAS; the loader's own search ($LD_LIBRARY_PATH, the system's
// folders); the toolkit ($CUDA_HOME, $CUDA_PATH, /usr/local/cuda); Python packages (nvidia-cublas, which PyTorch
// brings) of $VIRTUAL_ENV, $CONDA_PREFIX, the python3 on $PATH, the user and the system. The first that starts is taken:
// one that is too new for the driver does not. The declarations below follow NVIDIA's documentation.

#include <dlfcn.h>
#include <glob.h>
#include <unistd.h>

#include <climits>
#include <cstdlib>
#include <sstream>
#include <vector>

#include "cublas.h"

namespace inseq {
namespace {

using Handle = struct cublasContext*;
enum { OP_N = 0, OP_T = 1 };
enum { FLOAT32 = 0, BFLOAT16 = 14 };  // types of numbers
enum { DEFAULT_ALGORITHM = -1 };
enum { ALLOCATION_FAILED = 3 };
/** How to multiply float32: as it is, or with factors rounded to bfloat16 or TF32; sums are float32 in all cases. */
enum { COMPUTE_FLOAT32 = 68, COMPUTE_FAST_BFLOAT16 = 75, COMPUTE_FAST_TF32 = 77 };

struct Functions {
  int (*create)(Handle*);
  int (*setStream)(Handle, cudaStream_t);
  int (*getVersion)(Handle, int*);
  const char* (*statusString)(int);
  int (*gemm)(Handle, int opA, int opB, int m, int n, int k, const void* alpha, const void* a, int typeA, int lda,
              const void* b, int typeB, int ldb, const void* beta, void* c, int typeC, int ldc, int compute,
              int algorithm);
  int (*gemmBatched)(Handle, int opA, int opB, int m, int n, int k, const void* alpha, const void* a, int typeA,
                     int lda, long long strideA, const void* b, int typeB, int ldb, long long strideB, const void* beta,
                     void* c, int typeC, int ldc, long long strideC, int batches, int compute, int algorithm);
};
Functions cublas;
Handle handle = nullptr;
std::string found;  // its version and path
int32_t chosenPrecision = INSEQ_FLOAT32_PRECISION;

#ifndef CUBLAS_NAMES  // the tests' stand-in has its own
#define CUBLAS_NAMES "libcublas.so.13", "libcublas.so.12", "libcublas.so.11"
#endif
const char* const NAMES[] = {CUBLAS_NAMES};

/** Files of a folder (which may be a pattern) that could be cuBLAS, the newest first. */
void addFolder(const std::string& folder, std::vector<std::string>& places) {
  for (const char* name : NAMES) {
    glob_t matches;
    if (glob((folder + "/" + name).c_str(), 0, nullptr, &matches) == 0) {
      for (size_t i = 0; i < matches.gl_pathc; i++) places.push_back(matches.gl_pathv[i]);
    }
    globfree(&matches);
  }
}

/** A folder named by an environment variable, or none. */
std::string variable(const char* name, const char* below) {
  const char* value = std::getenv(name);
  return value ? std::string(value) + below : std::string();
}

/** Where the python3 on $PATH is installed, which may be an environment that is not active; or nowhere. */
std::string pythonPrefix() {
  std::istringstream path(variable("PATH", ""));
  for (std::string folder; std::getline(path, folder, ':');) {
    if (access((folder + "/python3").c_str(), X_OK) == 0) return folder + "/..";
  }
  return {};
}

std::vector<std::string> placesToLook() {
  std::vector<std::string> places(std::begin(NAMES), std::end(NAMES));
  for (const std::string& toolkit :
       {variable("CUDA_HOME", ""), variable("CUDA_PATH", ""), std::string("/usr/local/cuda")}) {
    if (toolkit.empty()) continue;
    addFolder(toolkit + "/lib64", places);
    addFolder(toolkit + "/targets/*-linux/lib", places);
  }
  const std::string prefixes[] = {variable("VIRTUAL_ENV", ""),
                                  variable("CONDA_PREFIX", ""),
                                  pythonPrefix(),
                                  variable("HOME", "/.local"),
                                  "/usr/local",
                                  "/usr",
                                  "/opt/conda"};
  for (const std::string& prefix : prefixes) {
    if (prefix.empty()) continue;
    for (const char* python : {"/lib/python3*/site-packages", "/lib/python3*/dist-packages"}) {
      for (const char* wheel : {"/nvidia/cu13/lib", "/nvidia/cublas/lib"}) addFolder(prefix + python + wheel, places);
    }
  }
  return places;
}

/** Opens a library, and before it the one beside it that it needs. */
void* openLibrary(const std::string& path) {
  if (const size_t name = path.rfind("/libcublas.so"); name != std::string::npos) {
    std::string light = path;
    light.replace(name, 13, "/libcublasLt.so");
    dlopen(light.c_str(), RTLD_NOW | RTLD_GLOBAL);
  }
  return dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
}

template <typename Function>
bool bind(void* library, const char* name, Function& function) {
  function = reinterpret_cast<Function>(dlsym(library, name));
  return function != nullptr;
}

bool bindAll(void* library) {
  return bind(library, "cublasCreate_v2", cublas.create) && bind(library, "cublasSetStream_v2", cublas.setStream) &&
         bind(library, "cublasGetVersion_v2", cublas.getVersion) &&
         bind(library, "cublasGetStatusString", cublas.statusString) && bind(library, "cublasGemmEx", cublas.gemm) &&
         bind(library, "cublasGemmStridedBatchedEx", cublas.gemmBatched);
}

int checkedCublas(const char* op, int status) {
  if (status == 0) return INSEQ_OK;
  return fail(status == ALLOCATION_FAILED ? INSEQ_OUT_OF_MEMORY : INSEQ_DEVICE_ERROR,
              "%s: expected cuBLAS to compute, received its status %d (%s)", op, status, cublas.statusString(status));
}

/** Starts the first library that has the functions; else says what was wrong with the one that came furthest. */
int findCublas() {
  const char* asked = std::getenv("INSEQ_CUBLAS");
  std::string trouble, refusal;
  for (const std::string& place : asked ? std::vector<std::string>{asked} : placesToLook()) {
    void* library = openLibrary(place);
    if (library != nullptr && bindAll(library)) {
      const int status = cublas.create(&handle);
      if (status == 0 || status == ALLOCATION_FAILED) return checkedCublas("open", status);
      handle = nullptr;
      if (refusal.empty()) refusal = place + ", which does not start: " + cublas.statusString(status);
      continue;
    }
    const char* error = dlerror();
    if (trouble.empty()) trouble = error ? error : place + " lacks a function of cuBLAS";
  }
  if (!refusal.empty()) trouble = refusal;
  return fail(
      INSEQ_BAD_ARGUMENT,
      "open: expected cuBLAS (%s) in $INSEQ_CUBLAS, $LD_LIBRARY_PATH, the CUDA toolkit or a Python package such "
      "as nvidia-cublas, received: %s; install one of them, or set INSEQ_CUBLAS to the file",
      NAMES[0], trouble.c_str());
}

int computeType() {
  switch (chosenPrecision) {
    case INSEQ_HIGH_PRECISION: return COMPUTE_FAST_TF32;
    case INSEQ_BFLOAT16_PRECISION: return COMPUTE_FAST_BFLOAT16;
    default: return COMPUTE_FLOAT32;
  }
}

}  // namespace

int openCublas(cudaStream_t stream) {
  if (handle != nullptr) return INSEQ_OK;
  TRY(findCublas());
  int version = 0;
  TRY(checkedCublas("open", cublas.setStream(handle, stream)));
  TRY(checkedCublas("open", cublas.getVersion(handle, &version)));
  Dl_info info;
  dladdr(reinterpret_cast<void*>(cublas.gemm), &info);
  found = "cuBLAS " + std::to_string(version / 10000) + "." + std::to_string(version / 100 % 100) + "." +
          std::to_string(version % 100) + ", " + info.dli_fname;
  return INSEQ_OK;
}

// cuBLAS stores matrices by columns. To it, a row-major c [M, N] is cᵀ = bᵀ aᵀ, and a row-major b [K, N] already is bᵀ.
int gemm(const char* op, Operand a, Operand b, int64_t B, int64_t M, int64_t N, int64_t K, float beta, float* c) {
  CHECK(M <= INT_MAX && N <= INT_MAX && K <= INT_MAX && B <= INT_MAX,
        "%s: expected sizes below 2^31, received B=%lld, M=%lld, N=%lld, K=%lld", op, (long long)B, (long long)M,
        (long long)N, (long long)K);
  const float one = 1;
  const int m = static_cast<int>(N), n = static_cast<int>(M), k = static_cast<int>(K);
  const int opA = a.transposed ? OP_T : OP_N, opB = b.transposed ? OP_T : OP_N;
  const int lda = a.transposed ? n : k, ldb = b.transposed ? k : m;
  const int type = a.bfloat16 ? BFLOAT16 : FLOAT32, compute = a.bfloat16 ? COMPUTE_FLOAT32 : computeType();
  if (B == 1) {
    return checkedCublas(op, cublas.gemm(handle, opB, opA, m, n, k, &one, b.data, type, ldb, a.data, type, lda, &beta,
                                         c, FLOAT32, m, compute, DEFAULT_ALGORITHM));
  }
  return checkedCublas(
      op, cublas.gemmBatched(handle, opB, opA, m, n, k, &one, b.data, type, ldb, b.stride, a.data, type, lda, a.stride,
                             &beta, c, FLOAT32, m, M * N, static_cast<int>(B), compute, DEFAULT_ALGORITHM));
}

int32_t precision() { return chosenPrecision; }

}  // namespace inseq

extern "C" {

const char* inseq_matmul_library(void) { return inseq::found.c_str(); }

int inseq_set_precision(int32_t precision) {
  using namespace inseq;
  CHECK(precision >= INSEQ_FLOAT32_PRECISION && precision <= INSEQ_BFLOAT16_PRECISION,
        "setPrecision: expected a known precision, received %d", precision);
  TRY(ready("setPrecision"));
  chosenPrecision = precision;
  return INSEQ_OK;
}

int32_t inseq_precision(void) { return inseq::precision(); }
}

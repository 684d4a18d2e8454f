// Moving numbers without computing: transposing, copying rows between layouts, repeating, filling.
//
// Rows are moved four numbers at a time where widths, strides and addresses allow it. A transposition that changes the
// last axis goes through tiles in shared memory, so that reads and writes are both of neighbours.

#include "axes.h"
#include "launch.h"

namespace inseq {
namespace {

constexpr int TILE = 32, TILE_ROWS = 8;

/** Axes of y, outermost first, with the stride that each has in x. */
struct Permuted {
  int rank = 0;
  int64_t size[MAX_RANK], stride[MAX_RANK];
};

/** Neighbouring axes that stay neighbours become one. */
Permuted permuted(int64_t rank, const int64_t* sizes, const int64_t* permutation) {
  int64_t strides[MAX_RANK], total = 1;
  for (int64_t i = rank - 1; i >= 0; i--) {
    strides[i] = total;
    total *= sizes[i];
  }
  Permuted axes;
  for (int64_t i = 0; i < rank; i++) {
    const int64_t size = sizes[permutation[i]], stride = strides[permutation[i]];
    if (size == 1) continue;
    if (axes.rank > 0 && axes.stride[axes.rank - 1] == size * stride) {
      axes.size[axes.rank - 1] *= size;
      axes.stride[axes.rank - 1] = stride;
    } else {
      axes.size[axes.rank] = size;
      axes.stride[axes.rank++] = stride;
    }
  }
  if (axes.rank == 0) {
    axes.rank = 1;
    axes.size[0] = axes.stride[0] = 1;
  }
  return axes;
}

/** Numbers that stay in rows: the last axis of y is the last of x. */
template <int WIDTH>
__global__ void permuteRows(const float* x, const __grid_constant__ Permuted axes, int64_t groups, float* y) {
  EACH(i, groups) {
    int64_t rest = i * WIDTH, offset = 0;
    for (int axis = axes.rank - 1; axis > 0; axis--) {
      const Division at = divide(rest, axes.size[axis]);
      offset += at.rest * axes.stride[axis];
      rest = at.quotient;
    }
    offset += rest * axes.stride[0];
    store<WIDTH>(y + i * WIDTH, load<WIDTH>(x + offset));
  }
}

/** The two axes that change places as rows of x and of y, and the others. */
struct Tiles {
  int64_t rows, columns;  // of y: its last axis, and the one that is last in x
  int64_t rowStride;      // in x, of y's last axis
  int64_t columnStride;   // in y, of x's last axis
  int64_t rowTiles, columnTiles;
  int rank;  // the other axes
  int64_t size[MAX_RANK], inX[MAX_RANK], inY[MAX_RANK];
};

__global__ void transposeTiles(const float* x, const __grid_constant__ Tiles at, float* y) {
  SHARED(float, tile, [TILE][TILE + 1]);
  Division place = divide(blockIdx.x, at.columnTiles);
  const int64_t column0 = place.rest * TILE;
  place = divide(place.quotient, at.rowTiles);
  const int64_t row0 = place.rest * TILE;
  int64_t rest = place.quotient;
  for (int axis = at.rank - 1; axis >= 0; axis--) {
    place = divide(rest, at.size[axis]);
    x += place.rest * at.inX[axis];
    y += place.rest * at.inY[axis];
    rest = place.quotient;
  }
  for (int i = threadIdx.y; i < TILE; i += TILE_ROWS) {
    const int64_t row = row0 + i, column = column0 + threadIdx.x;
    if (row < at.rows && column < at.columns) tile[i][threadIdx.x] = x[row * at.rowStride + column];
  }
  __syncthreads();
  for (int i = threadIdx.y; i < TILE; i += TILE_ROWS) {
    const int64_t row = row0 + threadIdx.x, column = column0 + i;
    if (row < at.rows && column < at.columns) y[column * at.columnStride + row] = tile[threadIdx.x][i];
  }
}

Tiles tilesOf(const Permuted& axes) {
  Tiles tiles{};
  int64_t inY = 1;
  for (int i = axes.rank - 1; i >= 0; i--) {
    if (i == axes.rank - 1) {
      tiles.rows = axes.size[i];
      tiles.rowStride = axes.stride[i];
    } else if (axes.stride[i] == 1) {
      tiles.columns = axes.size[i];
      tiles.columnStride = inY;
    } else {
      tiles.size[tiles.rank] = axes.size[i];
      tiles.inX[tiles.rank] = axes.stride[i];
      tiles.inY[tiles.rank++] = inY;
    }
    inY *= axes.size[i];
  }
  tiles.rowTiles = ceilDiv(tiles.rows, TILE);
  tiles.columnTiles = ceilDiv(tiles.columns, TILE);
  return tiles;
}

template <int WIDTH>
__global__ void copyRowsKernel(const float* x, int64_t groups, int64_t width, int64_t xStride, int64_t yStride,
                               float* y) {
  EACH(i, groups) {
    const Division at = divide(i * WIDTH, width);
    store<WIDTH>(y + at.quotient * yStride + at.rest, load<WIDTH>(x + at.quotient * xStride + at.rest));
  }
}

template <int WIDTH>
__global__ void repeatKernel(const float* x, int64_t groups, int64_t times, int64_t block, float* y) {
  EACH(i, groups) store<WIDTH>(y + i * WIDTH, load<WIDTH>(x + savedPlace(i * WIDTH, times, block)));
}

template <int WIDTH>
__global__ void fillKernel(int64_t groups, float value, float* y) {
  Vector<WIDTH> v;
  for (int k = 0; k < WIDTH; k++) v.at[k] = value;
  EACH(i, groups) store<WIDTH>(y + i * WIDTH, v);
}

}  // namespace
}  // namespace inseq

using namespace inseq;

extern "C" {

int inseq_transpose(const float* x, int64_t rank, const int64_t* sizes, const int64_t* permutation, float* y) {
  CHECK(rank >= 1 && rank <= MAX_RANK, "transpose: expected a rank from 1 to %d, received %lld", MAX_RANK,
        (long long)rank);
  bool seen[MAX_RANK] = {};
  int64_t total = 1;
  for (int64_t i = 0; i < rank; i++) {
    const int64_t axis = permutation[i];
    CHECK(axis >= 0 && axis < rank && !seen[axis], "transpose: expected a permutation of %lld axes, received axis %lld",
          (long long)rank, (long long)axis);
    seen[axis] = true;
    total *= sizes[i];
  }
  TENSOR("transpose", x, total);
  TENSOR("transpose", y, total);
  if (total == 0) return INSEQ_OK;
  const Permuted axes = permuted(rank, sizes, permutation);
  const int last = axes.rank - 1;
  if (axes.stride[last] != 1) {
    const Tiles tiles = tilesOf(axes);
    const int64_t outer = total / (tiles.rows * tiles.columns);
    return launch("transpose", transposeTiles, dim3(static_cast<unsigned>(outer * tiles.rowTiles * tiles.columnTiles)),
                  dim3(TILE, TILE_ROWS), 0, x, tiles, y);
  }
  bool four = axes.size[last] % 4 == 0 && aligned(x, y);
  for (int i = 0; i < last; i++) four = four && axes.stride[i] % 4 == 0;
  const int64_t groups = four ? total / 4 : total;
  return launch("transpose", four ? permuteRows<4> : permuteRows<1>, blocksFor(groups), THREADS, 0, x, axes, groups, y);
}

int inseq_copy_rows(const float* x, int64_t rows, int64_t width, int64_t x_stride, int64_t y_stride, float* y) {
  CHECK(rows >= 0 && width >= 0 && x_stride >= 0 && y_stride >= 0,
        "copyRows: expected sizes that are not negative, received rows=%lld, width=%lld, strides %lld and %lld",
        (long long)rows, (long long)width, (long long)x_stride, (long long)y_stride);
  const bool none = rows * width == 0;
  TENSOR("copyRows", x, none ? 0 : (rows - 1) * x_stride + width);
  TENSOR("copyRows", y, none ? 0 : (rows - 1) * y_stride + width);
  if (none) return INSEQ_OK;
  const bool four = width % 4 == 0 && x_stride % 4 == 0 && y_stride % 4 == 0 && aligned(x, y);
  const int64_t groups = rows * width / (four ? 4 : 1);
  return launch("copyRows", four ? copyRowsKernel<4> : copyRowsKernel<1>, blocksFor(groups), THREADS, 0, x, groups,
                width, x_stride, y_stride, y);
}

int inseq_repeat(const float* x, int64_t blocks, int64_t times, int64_t block, float* y) {
  CHECK(blocks >= 0 && times >= 0 && block >= 0,
        "repeat: expected sizes that are not negative, received blocks=%lld, times=%lld, block=%lld", (long long)blocks,
        (long long)times, (long long)block);
  const int64_t total = blocks * times * block;
  TENSOR("repeat", x, total == 0 ? 0 : blocks * block);
  TENSOR("repeat", y, total);
  if (total == 0) return INSEQ_OK;
  const bool four = block % 4 == 0 && aligned(x, y);
  const int64_t groups = four ? total / 4 : total;
  return launch("repeat", four ? repeatKernel<4> : repeatKernel<1>, blocksFor(groups), THREADS, 0, x, groups, times,
                block, y);
}

int inseq_fill(float* y, int64_t size, float value) {
  CHECK(size >= 0, "fill: expected a size that is not negative, received %lld", (long long)size);
  TENSOR("fill", y, size);
  if (size == 0) return INSEQ_OK;
  const bool four = size % 4 == 0 && aligned(y);
  const int64_t groups = four ? size / 4 : size;
  return launch("fill", four ? fillKernel<4> : fillKernel<1>, blocksFor(groups), THREADS, 0, groups, value, y);
}
}

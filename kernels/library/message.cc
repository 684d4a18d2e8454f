// The interface's version and the message of the last failure, for both implementations.

#include <cstdarg>
#include <cstdio>

#include "status.h"

namespace inseq {
namespace {
thread_local char message[512] = "no call has failed";
}

int fail(int status, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int length = std::vsnprintf(message, sizeof message, format, arguments);
  va_end(arguments);
  if (length >= 0 && length < static_cast<int>(sizeof message)) {
    std::snprintf(message + length, sizeof message - static_cast<size_t>(length), "%s", whereText());
  }
  return status;
}
}  // namespace inseq

extern "C" {

int inseq_interface_version(void) { return INSEQ_INTERFACE_VERSION; }
const char* inseq_message(void) { return inseq::message; }
}

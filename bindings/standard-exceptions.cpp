// What the linker looks for in the C++ library's own file of exceptions, or it takes that one, with the run-time types of each
// and all that compares them. Nothing is thrown here. nlohmann/json alone makes an exception, where a text is no JSON, and
// hands it to a reader that does not look at it (`wasm/json/general-reader.cpp`).

#include <stdexcept>

namespace std {

exception::~exception() noexcept = default;
const char* exception::what() const noexcept { return ""; }

inline namespace _LIBCPP_ABI_NAMESPACE {
__libcpp_refstring::__libcpp_refstring(const char* message) : __imp_(message) {}
__libcpp_refstring::~__libcpp_refstring() = default;
}  // namespace _LIBCPP_ABI_NAMESPACE

runtime_error::runtime_error(const char* message) : __imp_(message) {}
runtime_error::~runtime_error() noexcept = default;
const char* runtime_error::what() const noexcept { return __imp_.c_str(); }

}  // namespace std

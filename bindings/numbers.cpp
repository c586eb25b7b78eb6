#include "bindings/numbers.h"

namespace codex::bindings {

namespace {
constinit Numbers instance;
}  // namespace

Numbers& numbers() { return instance; }

}  // namespace codex::bindings

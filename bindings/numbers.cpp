#include "bindings/numbers.h"

namespace codex::bindings {

Numbers& numbers() {
  static Numbers instance;
  return instance;
}

}  // namespace codex::bindings

# Toolchain file of the wasm preset: the Emscripten that scripts/setup.mjs found or fetched.
include("${CMAKE_CURRENT_LIST_DIR}/toolchain-json.cmake")
include("${EMSCRIPTEN_ROOT}/cmake/Modules/Platform/Emscripten.cmake")

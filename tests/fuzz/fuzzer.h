#pragma once

#include <string>
#include <string_view>

// What every fuzzer here is made of. libFuzzer makes up inputs and watches which of them reach new code; a fuzzer says what
// must hold for each.
namespace codex::fuzzing {

/// Looks at one input. Each fuzzer defines its own.
void check(std::string_view input);

/// Ends the program, which libFuzzer takes for a crash, unless `holds`. `property` says in words what should hold.
void require(bool holds, std::string_view property);

/// Takes the text before the next `|` off the input, or all of it.
std::string_view takeText(std::string_view& input);

/// The bytes as text that JavaScript can hand over: UTF-8, where a lone surrogate is the three bytes it would have. What is
/// neither becomes a character of its own for each byte.
std::string asInputText(std::string_view bytes);

}  // namespace codex::fuzzing

// Writes iso-dates.h: what JavaScript's Date.parse makes of dates in the formats that parseIsoDate accepts.
// Run as `TZ=UTC node tests/native/iso-dates.mjs`, since every Worker's time zone is UTC.
import { writeFileSync } from 'node:fs';

const dates = [
  ...[
    '1970-01-01',
    '1969-12-31',
    '2000-02-29',
    '1900-02-28',
    '2100-03-01',
    '2024-02-29',
    '2026-11-22',
    '9999-12-31',
    '0000-01-01',
  ],
  ...[
    '0000-02-29',
    '0001-01-01',
    '0099-12-31',
    '0400-02-29',
    '+000000-01-01',
    '+002026-11-22',
    '-000001-12-31',
    '-000004-02-29',
  ],
  ...['-000400-03-01', '+010000-01-01', '+123456-07-08', '+275760-09-13', '+275760-09-12', '-271821-04-20', '-271821-04-21'],
  ...[
    '2026-01-31',
    '2026-03-31',
    '2026-04-30',
    '2026-05-31',
    '2026-06-30',
    '2026-07-31',
    '2026-08-31',
    '2026-09-30',
    '2026-10-31',
  ],
];
const times = [
  ...[
    '00:00',
    '23:59',
    '24:00',
    '00:00:00',
    '23:59:59',
    '24:00:00',
    '24:00:00.000',
    '12:34:56.7',
    '12:34:56.78',
    '12:34:56.789',
  ],
  ...['12:34:56.7899', '00:00:00.001', '23:59:59.999', '23:59:59.9999999999', '01:02:03.000000001', '00:00:00.0'],
];
const offsets = ['', 'Z', '+00:00', '-00:00', '+01:00', '-01:00', '+05:30', '-09:45', '+14:00', '-12:00', '+23:59', '-23:59'];
const refused = [
  ...[
    '',
    ' ',
    'x',
    '-',
    '+',
    '2026',
    '2026-',
    '2026-11',
    '2026-1-2',
    '2026-11-',
    '2026-13-01',
    '2026-00-01',
    '2026-01-00',
    '2026-01-32',
  ],
  ...[
    '02026-01-01',
    '+2026-01-01',
    '-2026-01-01',
    '-000000-01-01',
    '+275761-01-01',
    '+275760-09-14',
    '-271821-04-19',
    '-271822-01-01',
  ],
  ...['+999999-12-31', '2026-01-01T', '2026-01-01T1', '2026-01-01T10', '2026-01-01T10:', '2026-01-01T10:0', '2026-01-01T25:00'],
  ...[
    '2026-01-01T24:01',
    '2026-01-01T24:00:01',
    '2026-01-01T24:00:00.001',
    '2026-01-01T10:60',
    '2026-01-01T10:00:60',
    '2026-01-01T10:00:',
  ],
  ...[
    '2026-01-01T10:00:0',
    '2026-01-01T10:00:00.',
    '2026-01-01T10:00:00,5',
    '2026-01-01T10:00:00.5.5',
    '2026-01-01T10:00:00ZZ',
  ],
  ...['2026-01-01T10:00:00Z+01:00', '2026-01-01T10:00:00+24:00', '2026-01-01T10:00:00+01:60', '2026-01-01T10:00:00+1:00'],
  ...[
    '2026-01-01T10:00:00+01:',
    '2026-01-01T10:00:00+',
    '2026-01-01T10:00:00-',
    '2026-01-01T-1:00',
    '2026-01-01T+1:00',
    '2026_01_01',
  ],
  ...['+275760-09-13T00:00:00.001Z', '-271821-04-19T23:59:59.999Z', '+275760-09-13T00:00-00:01', '-271821-04-20T00:00+00:01'],
  ...[
    '２０２６-01-01',
    '2026-01-01T10:00:00Zjunk',
    '2026-01-01TT10:00',
    '2026-01-01T10:00:00.Z',
    '20 26-01-01',
    '2026-01-01T1 :00',
  ],
];

const accepted = dates.flatMap((date) => [
  date,
  ...times.flatMap((time) => offsets.map((offset) => `${date}T${time}${offset}`)),
]);
// With a space JavaScript falls back on a reader of its own, which takes the years 0 to 49 for 2000 to 2049.
const spaced = dates
  .filter((date) => /^[12]\d{3}-/.test(date))
  .flatMap((date) => times.flatMap((time) => ['', 'Z', '+05:30'].map((offset) => `${date} ${time}${offset}`)));
const known = [...accepted, ...spaced].map((text) => ({ text, ms: Date.parse(text) })).filter(({ ms }) => !Number.isNaN(ms));
const outOfRange = accepted.filter((text) => Number.isNaN(Date.parse(text)));
const surprising = refused.filter((text) => !Number.isNaN(Date.parse(text)));

/** A repeatable choice of about one in `n`, so that the table stays readable by a compiler. */
const some = (list, n) => list.filter((_, index) => (index * 2654435761) % 4294967296 < 4294967296 / n);
const line = (text, ms) => `    {"${text}", ${ms}},`;

writeFileSync(
  new URL('iso-dates.h', import.meta.url),
  `// Written by iso-dates.mjs; do not edit.
#pragma once

#include <cstdint>

namespace codex::testing {

struct IsoDate {
  const char* text;
  std::int64_t unixMs;
};

// clang-format off
/// What Date.parse makes of it.
inline constexpr IsoDate kIsoDates[] = {
${some(known, 8)
  .map(({ text, ms }) => line(text, ms))
  .join('\n')}
};

/// Date.parse makes NaN of it.
inline constexpr const char* kNoIsoDates[] = {
${[...refused.filter((text) => !surprising.includes(text)), ...some(outOfRange, 4)].map((text) => `    "${text}",`).join('\n')}
};

/// Date.parse makes something of it, by rules that differ between engines.
inline constexpr const char* kOtherDates[] = {
${surprising.map((text) => `    "${text}",`).join('\n')}
};
// clang-format on

}  // namespace codex::testing
`,
);

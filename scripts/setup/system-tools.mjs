/** The tools that a distribution gives: git, CMake, Ninja and a C++23 compiler. As root on Debian they are installed. */
import { spawnSync } from 'node:child_process';
import { Failure } from '../lib/failure.mjs';
import { which } from '../lib/which.mjs';
import { aptInstall, canAptInstall } from './apt-install.mjs';

/** `std::expected` came with GCC 12. */
const MIN_GCC_MAJOR = 12;

const TOOLS = [
  { program: 'git', aptPackage: 'git' },
  { program: 'cmake', aptPackage: 'cmake' },
  { program: 'ninja', aptPackage: 'ninja-build' },
  { program: ['g++', 'c++'], aptPackage: 'g++' },
];

export const systemTools = {
  ready: () => missing().length === 0 && gccProblem() === undefined,

  async run() {
    const packages = missing().map((tool) => tool.aptPackage);
    if (packages.length > 0) {
      if (!canAptInstall()) {
        throw new Failure(`these tools are missing: ${packages.join(', ')}`, [
          `on Debian and Ubuntu: sudo apt-get install ${packages.join(' ')}`,
          'elsewhere: the packages of the same names',
        ]);
      }
      await aptInstall(packages);
    }
    const problem = gccProblem();
    if (problem) throw problem;
  },
};

function missing() {
  return TOOLS.filter((tool) => !which(tool.program));
}

function gccProblem() {
  if (!which('g++')) return undefined;
  const version = spawnSync('g++', ['-dumpversion'], { encoding: 'utf8' }).stdout.trim();
  if (Number.parseInt(version, 10) >= MIN_GCC_MAJOR) return undefined;
  return new Failure(`g++ is version ${version}; the native build needs ${MIN_GCC_MAJOR} or newer`, [
    `on Debian and Ubuntu: sudo apt-get install g++-${MIN_GCC_MAJOR} and make it the default g++`,
  ]);
}

/**
 * C++ with its comments, the inside of its strings and its preprocessor lines blanked, line by line where they stood: what
 * is left is what the compiler acts on, and the words of a comment break no law.
 */
export function codeOf(text: string): string {
  const blank = (found: string): string => found.replaceAll(/[^\n]/g, ' ');
  return text
    .replaceAll(
      /\/\/[^\n]*|\/\*[\s\S]*?\*\/|R"([^\s()\\]*)\([\s\S]*?\)\1"|"(?:\\.|[^"\\\n])*"|(?<![\w])'(?:\\.|[^'\\\n])+'/g,
      (found) => (found.startsWith('/') ? blank(found) : `"${blank(found.slice(1, -1))}"`),
    )
    .replaceAll(/^[ \t]*#(?:\\\n|[^\n])*/gm, blank);
}

/** What `#include` names, quotes and brackets kept. */
export function includesOf(text: string): string[] {
  return Array.from(text.matchAll(/^[ \t]*#[ \t]*include[ \t]*(\S+)/gm), ([, name = '']) => name);
}

/** The argument lists with which something that ends in `name` is called, each without its outer parentheses. */
export function callsOf(code: string, name: RegExp): string[] {
  return Array.from(code.matchAll(new RegExp(`(?:${name.source})\\s*\\(`, 'g')), ({ 0: found, index }) => {
    const from = index + found.length;
    return code.slice(from, closing(code, from));
  });
}

/** Variables that somebody could change, declared where they outlive every call: at namespace scope, or `static`. */
export function mutableStatics(text: string): string[] {
  const code = codeOf(text);
  const found = declarationsAtNamespaceScope(code).filter((declaration) => isVariable(declaration) && !isConstant(declaration));
  for (const [declaration] of code.matchAll(/\b(?:static|thread_local)\b[^;{]*/g)) {
    if (!isConstant(declaration) && !isFunction(declaration)) found.push(declaration);
  }
  return [...new Set(found.map((declaration) => declaration.replaceAll(/\s+/g, ' ').trim()))];
}

/** What stands between one `;` and the next outside of every class and function, bodies left out. */
function declarationsAtNamespaceScope(code: string): string[] {
  const declarations: string[] = [];
  let head = '';
  for (let at = 0; at < code.length; at++) {
    const character = code[at];
    if (character === '{') {
      if (/\b(?:namespace\b[\w\s:]*|extern\s*"\s*")\s*$/.test(head)) {
        head = '';
        continue;
      }
      at = closing(code, at + 1, '{', '}');
      // A body ends what it belongs to; the braces of a class or an initialiser are still followed by something.
      if (isFunction(head) && !head.includes('=')) head = '';
      else head += '{}';
    } else if (character === ';') {
      declarations.push(head);
      head = '';
    } else if (character === '}') {
      head = '';
    } else {
      head += character;
    }
  }
  return declarations;
}

function isVariable(declaration: string): boolean {
  const text = withoutArguments(declaration).trim();
  if (text === '') return false;
  const type = /^(?:template\s*<>\s*)?(?:using|typedef|friend|static_assert|enum|concept|template)\b/.test(text);
  // `struct X {}` and `class X` declare a type; `struct X {} x` a variable as well.
  const bareType = /^(?:class|struct|union|enum)\b/.test(text) && !/\{\}\s*\w/.test(text) && !text.includes('=');
  return !type && !bareType && !isFunction(declaration);
}

function isFunction(declaration: string): boolean {
  const text = withoutTemplates(declaration);
  const parenthesis = text.search(/\(/);
  if (parenthesis < 0) return false;
  const assignment = text.search(/=/);
  return assignment < 0 || assignment > parenthesis || /\boperator\b/.test(text);
}

function isConstant(declaration: string): boolean {
  const text = withoutTemplates(declaration);
  if (/\b(?:constexpr|consteval)\b/.test(text)) return true;
  const name = text.split('=')[0] ?? '';
  // A pointer to constants can itself be changed, unless it says `* const`.
  return name.includes('*') ? /\*\s*const\b/.test(name) : /\bconst\b/.test(name);
}

function withoutArguments(declaration: string): string {
  return withoutTemplates(declaration).replaceAll(/\([^()]*\)/g, '()');
}

function withoutTemplates(declaration: string): string {
  let text = declaration;
  for (let before = ''; before !== text; ) {
    before = text;
    text = text.replaceAll(/<[^<>()=;]*>/g, ' ');
  }
  return text;
}

/** Where the bracket opened just before `from` is closed. */
function closing(code: string, from: number, open = '(', close = ')'): number {
  let depth = 1;
  for (let at = from; at < code.length; at++) {
    if (code[at] === open) depth++;
    else if (code[at] === close && --depth === 0) return at;
  }
  return code.length;
}

/**
 * Finds an element that index.html has.
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
export function byId(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new TypeError(`#${id} is not a ${type.name}`);
  return found;
}

/**
 * Makes an element. Text stays text: nothing here parses markup.
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {string} className
 * @param {...(string | Node)} children
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className !== '') element.className = className;
  element.append(...children);
  return element;
}

/**
 * Makes a button.
 * @param {string} text
 * @param {string} className
 * @param {() => void} onClick
 */
export function makeButton(text, className, onClick) {
  const button = make('button', className, text);
  button.type = 'button';
  button.addEventListener('click', onClick);
  return button;
}

/**
 * Shows a message in a live region; an empty one clears it.
 * @param {HTMLElement} region
 * @param {string} text
 * @param {'good' | 'error'} [kind]
 */
export function showMessage(region, text, kind = 'good') {
  region.classList.toggle('error', kind === 'error');
  region.textContent = text;
}

/**
 * Marks a button as busy while `work` runs, and lets nobody start it twice.
 * @param {HTMLButtonElement} button
 * @param {() => Promise<unknown>} work
 */
export async function whileBusy(button, work) {
  if (button.getAttribute('aria-busy') === 'true') return;
  button.setAttribute('aria-busy', 'true');
  try {
    await work();
  } finally {
    button.removeAttribute('aria-busy');
  }
}

/**
 * Does `work` where a form is sent, with its button busy meanwhile.
 * @param {HTMLFormElement} form
 * @param {() => Promise<void>} work
 */
export function onSubmit(form, work) {
  const button = /** @type {HTMLButtonElement} */ (form.querySelector('button[type=submit]'));
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    void whileBusy(button, work);
  });
}

/**
 * Marks the fields that are not filled in as they should be, and puts the cursor into the first. Whether there is none.
 * @param {...HTMLInputElement} inputs
 */
export function checkFilled(...inputs) {
  const wrong = inputs.filter((input) => !input.checkValidity());
  for (const input of inputs) input.setAttribute('aria-invalid', String(wrong.includes(input)));
  wrong[0]?.focus();
  return wrong.length === 0;
}

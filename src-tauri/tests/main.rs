//! What binds the window to the page.

mod bindings;

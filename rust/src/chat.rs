//! Chat templates, rendered as transformers' apply_chat_template renders them with Jinja2.
use crate::ffi::{guard, Buffer, Text};
use crate::python_text::{python_str, tojson};
use minijinja::{Environment, Error, ErrorKind, Output, State, Value};

/// Instructions one rendering may take: templates come from model files, and may loop forever.
const FUEL: u64 = 10_000_000;

/// The local time as C's strftime writes it, which is what Python's does; %f is Python's own.
fn strftime_now(format: &str) -> Result<String, Error> {
    let bad = || Error::new(ErrorKind::InvalidOperation, "strftime_now cannot write this format");
    let since_epoch =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_err(|_| bad())?;
    let format = format.replace("%f", &format!("{:06}", since_epoch.subsec_micros()));
    if format.is_empty() {
        return Ok(format);
    }
    let seconds = since_epoch.as_secs() as libc::time_t;
    let pattern = std::ffi::CString::new(format).map_err(|_| bad())?;
    let mut buffer = vec![0u8; 256 + 64 * pattern.as_bytes().len()];
    // SAFETY: localtime_r fills `parts`; strftime writes at most buffer.len() bytes and returns how many.
    let written = unsafe {
        let mut parts: libc::tm = std::mem::zeroed();
        if libc::localtime_r(&seconds, &mut parts).is_null() {
            return Err(bad());
        }
        libc::strftime(
            buffer.as_mut_ptr() as *mut libc::c_char,
            buffer.len(),
            pattern.as_ptr(),
            &parts,
        )
    };
    buffer.truncate(written);
    String::from_utf8(buffer).map_err(|_| bad())
}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

/// `{{ value }}` prints None, True and lists as Python does.
fn print_value(out: &mut Output, _state: &State, value: &Value) -> Result<(), Error> {
    match value.as_str() {
        Some(text) => out.write_str(text).map_err(Error::from),
        None => out.write_str(&python_str(value)?).map_err(Error::from),
    }
}

/// `{% generation %}` only marks the assistant's part, so it becomes a condition that always holds.
fn without_generation_tags(template: &str) -> String {
    let mut out = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(begin) = rest.find("{%") {
        out.push_str(&rest[..begin]);
        rest = &rest[begin..];
        let Some(end) = rest.find("%}") else { break };
        let tag = &rest[..end + 2];
        let inner = &tag[2..tag.len() - 2];
        let name = inner.trim_matches(|c: char| c.is_whitespace() || c == '-' || c == '+');
        match name {
            "generation" => out.push_str(&tag.replacen("generation", "if true", 1)),
            "endgeneration" => out.push_str(&tag.replacen("endgeneration", "endif", 1)),
            _ => out.push_str(tag),
        }
        rest = &rest[end + 2..];
    }
    out.push_str(rest);
    out
}

/// The innermost cause says what is wrong; the first location where.
fn describe(error: &Error) -> String {
    let mut message = match error.detail() {
        Some(detail) if error.kind() == ErrorKind::InvalidOperation => detail.to_string(),
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    if let Some(line) = error.line() {
        message.push_str(&format!(" (line {line} of the template)"));
    }
    message
}

fn render(template: &str, context: &str) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_trim_blocks(true);
    environment.set_lstrip_blocks(true);
    environment.set_fuel(Some(FUEL));
    environment.set_formatter(print_value);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_filter("tojson", tojson);
    environment.add_filter("string", |value: Value| python_str(&value));
    environment.add_function("raise_exception", raise_exception);
    environment.add_function("strftime_now", |format: String| strftime_now(&format));
    let context: serde_json::Value =
        serde_json::from_str(context).map_err(|e| format!("the template's variables: {e}"))?;
    let template = without_generation_tags(template);
    environment.render_str(&template, context).map_err(|e| describe(&e))
}

/// Renders a chat template; `context` is a JSON object of its variables.
#[no_mangle]
pub unsafe extern "C" fn it_render_template(
    template: Text,
    context: Text,
    out: *mut Buffer,
    error: *mut Buffer,
) -> bool {
    guard(error, || {
        *out = Buffer::of(render(template.as_str()?, context.as_str()?)?);
        Ok(())
    })
}

//! What every function of the C ABI shares: strings in, buffers out, errors and panics into a message.
use std::ffi::c_char;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Once;

/// Text that belongs to the caller: bytes that need not end in zero.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Text {
    pub data: *const c_char,
    pub size: usize,
}

impl Text {
    /// The text as a string slice. An empty text may have a null pointer.
    pub unsafe fn as_str<'a>(&self) -> Result<&'a str, String> {
        if self.size == 0 {
            return Ok("");
        }
        let bytes = std::slice::from_raw_parts(self.data as *const u8, self.size);
        std::str::from_utf8(bytes).map_err(|e| format!("invalid UTF-8 at byte {}", e.valid_up_to()))
    }
}

/// Bytes that belong to this library until `it_buffer_free`.
#[repr(C)]
pub struct Buffer {
    pub data: *mut c_char,
    pub size: usize,
}

impl Buffer {
    pub fn of(text: String) -> Buffer {
        let bytes = text.into_bytes().into_boxed_slice();
        let size = bytes.len();
        Buffer { data: Box::into_raw(bytes) as *mut c_char, size }
    }
}

#[no_mangle]
pub unsafe extern "C" fn it_buffer_free(buffer: *mut Buffer) {
    if let Some(b) = buffer.as_mut() {
        if !b.data.is_null() {
            drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(b.data as *mut u8, b.size)));
        }
        b.data = std::ptr::null_mut();
        b.size = 0;
    }
}

/// A slice of the caller's; an empty one may have a null pointer.
pub unsafe fn slice<'a, T>(data: *const T, size: usize) -> &'a [T] {
    if size == 0 {
        &[]
    } else {
        std::slice::from_raw_parts(data, size)
    }
}

pub fn leak<T>(values: Vec<T>) -> *mut T {
    Box::into_raw(values.into_boxed_slice()) as *mut T
}

pub unsafe fn unleak<T>(data: *mut T, size: usize) {
    if !data.is_null() {
        drop(Box::from_raw(std::ptr::slice_from_raw_parts_mut(data, size)));
    }
}

/// Runs `work`; true when it went well. Otherwise `error` holds one message.
pub unsafe fn guard(error: *mut Buffer, work: impl FnOnce() -> Result<(), String>) -> bool {
    // Rust prints panics to stderr by default; this library hands them back as messages instead.
    static QUIET: Once = Once::new();
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| {})));
    let message = match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(())) => return true,
        Ok(Err(message)) => message,
        Err(panic) => {
            let said = panic.downcast_ref::<String>().map(String::as_str);
            let said = said.or_else(|| panic.downcast_ref::<&str>().copied());
            format!("inconsistent data ({})", said.unwrap_or("no details"))
        }
    };
    *error = Buffer::of(message);
    false
}

//! Bounded reads of the files that settings name.
//!
//! A path may lead to a pipe, to a device, or to a file without an end. Reading those would block the process or fill
//! its memory, so only regular files are opened, and each read has a limit.

pub mod private;

use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

/// Returns whether there is a file. Anything other than a regular file is an error.
pub fn exists(path: &Path) -> io::Result<bool> {
    match fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(_) => Err(io::Error::other("it is not a regular file")),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Opens a regular file, or returns `None` if there is none. Opening a pipe would wait for its writer.
pub fn open(path: &Path) -> io::Result<Option<File>> {
    if exists(path)? { File::open(path).map(Some) } else { Ok(None) }
}

/// Reads a text file of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> io::Result<String> {
    let absent = || io::Error::new(ErrorKind::NotFound, "there is no such file");
    text(open(path)?.ok_or_else(absent)?, limit)
}

/// Reads the text of a file of at most `limit` bytes, in UTF-8 or, as the shells of Windows write it, in UTF-16.
///
/// A byte order mark is not part of the text. Bytes that are not text become U+FFFD, because they do not matter in
/// lines that are not used, such as comments.
pub fn text(file: File, limit: u64) -> io::Result<String> {
    Ok(match bytes(file, limit)?.as_slice() {
        [0xff, 0xfe, text @ ..] => utf16(text, u16::from_le_bytes),
        [0xfe, 0xff, text @ ..] => utf16(text, u16::from_be_bytes),
        [0xef, 0xbb, 0xbf, text @ ..] | text => String::from_utf8_lossy(text).into_owned(),
    })
}

/// Reads a file of at most `limit` bytes.
pub fn bytes(file: File, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    file.take(limit + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > limit {
        return Err(io::Error::other(format!("it is larger than {} MB", limit >> 20)));
    }
    Ok(bytes)
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> String {
    let units = bytes.chunks(2).map(|pair| unit([*pair.first().unwrap_or(&0), *pair.get(1).unwrap_or(&0)]));
    char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utf16_of_either_byte_order_is_read_as_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        let units: Vec<u16> = "\u{feff}PAGERDUTY_REGION=eu\r\n".encode_utf16().collect();
        for bytes in [u16::to_le_bytes, u16::to_be_bytes] {
            fs::write(&path, units.iter().flat_map(|unit| bytes(*unit)).collect::<Vec<_>>()).unwrap();
            assert_eq!(read(&path, 100).unwrap(), "PAGERDUTY_REGION=eu\r\n");
        }
    }
}

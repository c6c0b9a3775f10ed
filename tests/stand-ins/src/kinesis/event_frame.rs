//! Frames of AWS's event stream: lengths, headers, payload, two checksums.

/// An event of the type given, with a JSON payload.
pub(super) fn event(kind: &str, payload: &[u8]) -> Vec<u8> {
    let headers =
        [(":message-type", "event"), (":event-type", kind), (":content-type", "application/x-amz-json-1.1")];
    frame(&headers, payload)
}

/// The error that ends a stream.
pub(super) fn exception(kind: &str, payload: &[u8]) -> Vec<u8> {
    let headers = [
        (":message-type", "exception"),
        (":exception-type", kind),
        (":content-type", "application/x-amz-json-1.1"),
    ];
    frame(&headers, payload)
}

/// Header value of the type "text".
const TEXT: u8 = 7;
/// Both lengths and their checksum.
const PRELUDE: usize = 12;

fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut head = Vec::new();
    for (name, value) in headers {
        head.push(u8::try_from(name.len()).unwrap_or(u8::MAX));
        head.extend_from_slice(name.as_bytes());
        head.push(TEXT);
        head.extend_from_slice(&u16::try_from(value.len()).unwrap_or(u16::MAX).to_be_bytes());
        head.extend_from_slice(value.as_bytes());
    }
    let length = PRELUDE + head.len() + payload.len() + 4;
    let mut frame = Vec::with_capacity(length);
    frame.extend_from_slice(&as_u32(length));
    frame.extend_from_slice(&as_u32(head.len()));
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame.extend_from_slice(&head);
    frame.extend_from_slice(payload);
    frame.extend_from_slice(&crc32fast::hash(&frame).to_be_bytes());
    frame
}

fn as_u32(length: usize) -> [u8; 4] {
    u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes()
}

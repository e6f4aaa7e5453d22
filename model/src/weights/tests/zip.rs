//! Zip archives that are unusual, or lie.

use super::*;

/// Places of the headers in the central directory of a zip archive.
fn headers(file: &[u8]) -> Vec<usize> {
    let windows = file.windows(4).enumerate();
    windows
        .filter(|(_, part)| *part == b"PK\x01\x02")
        .map(|(place, _)| place)
        .collect()
}

#[test]
fn refuses_archives_that_lie() {
    let good = zipped(&one_tensor(0, &[16], &[1]));
    let headers = headers(&good);
    for (field, bytes, words) in [
        // The method of compression, encryption, the compressed and the real size, the start.
        (10, &[8, 0][..], "compressed"),
        (8, &[1, 0], "compressed"),
        (20, &[0xff, 0xff, 0xff, 0x7f], "two sizes"),
        (24, &[0xff, 0xff, 0xff, 0x7f], "two sizes"),
        (
            20,
            &[0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xff, 0x7f],
            "incomplete",
        ),
        (42, &[0xff, 0xff, 0xff, 0x7f], "incomplete"),
    ] {
        // The pickle and the storage.
        for entry in [0, 2] {
            let mut file = good.clone();
            let at = headers[entry] + field;
            file[at..at + bytes.len()].copy_from_slice(bytes);
            let text = refused(&file).to_string();
            assert!(text.contains(words), "{words:?} is missing in {text:?}");
        }
    }
    // A storage in the same place as the pickle: its bytes are borrowed twice, and nothing else happens.
    let mut file = good.clone();
    let (pickle, storage) = (headers[0] + 42, headers[2] + 42);
    file.copy_within(pickle..pickle + 4, storage);
    assert_eq!(read(&file).unwrap()[0].bytes.len(), 64);
}

#[test]
fn reads_archives_with_numbers_of_64_bits() {
    const ELSEWHERE: [u8; 4] = [0xff; 4];
    let good = zipped(&one_tensor(0, &[16], &[1]));
    let end = good.len() - 22;
    let table = headers(&good)[0];
    let mut entries = Vec::new();
    for (index, start) in headers(&good).into_iter().enumerate() {
        let length = headers(&good).get(index + 1).unwrap_or(&end) - start;
        let mut entry = good[start..start + length].to_vec();
        let mut extra = vec![0x99, 0x99, 2, 0, 7, 7, 1, 0, 24, 0];
        // The real size, the compressed one and the start.
        for field in [24, 20, 42] {
            extra.extend_from_slice(&entry[field..field + 4]);
            extra.extend_from_slice(&[0; 4]);
            entry[field..field + 4].copy_from_slice(&ELSEWHERE);
        }
        assert_eq!(entry[30..32], [0, 0], "there is an extra field already");
        entry[30] = u8::try_from(extra.len()).unwrap();
        entries.extend(entry);
        entries.extend(extra);
    }
    let large = table + entries.len();
    let mut file = [&good[..table], &entries, b"PK\x06\x06"].concat();
    // Length of the record, versions, disks, and twice the number of entries.
    file.extend_from_slice(&44_u64.to_le_bytes());
    file.extend_from_slice(&[45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend_from_slice(&[4, 0, 0, 0, 0, 0, 0, 0].repeat(2));
    file.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    file.extend_from_slice(&(table as u64).to_le_bytes());
    file.extend_from_slice(b"PK\x06\x07\0\0\0\0");
    file.extend_from_slice(&(large as u64).to_le_bytes());
    file.extend_from_slice(&[1, 0, 0, 0]);
    file.extend_from_slice(&good[end..]);
    let end = file.len() - 22;
    file[end + 12..end + 20].copy_from_slice(&[0xff; 8]);
    assert_eq!(values(&file)[15], 15.0);
    // The zip crate reads the same file, so that it is a zip archive indeed.
    let archive = ::zip::ZipArchive::new(std::io::Cursor::new(&file)).unwrap();
    assert_eq!(archive.len(), 4);
    // A comment behind the end.
    let mut commented = good.clone();
    let length = commented.len();
    commented[length - 2] = 7;
    commented.extend_from_slice(b"comment");
    assert_eq!(values(&commented)[15], 15.0);
}

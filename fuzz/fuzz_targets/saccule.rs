#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| leaflet_fuzz::saccule::check(data));

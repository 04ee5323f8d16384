
#[test]
fn an_iso_is_read_with_rock_ridge_joliet_or_neither() {
    let dir = sources();
    sh(
        dir.path(),
        "mkdir -p disk/a/b/c/d/e/f/g/h/i; cp disk/srv/second.txt disk/a/b/c/d/e/f/g/h/i/deep
        cp disk/srv/second.txt 'disk/srv/a long name, with commas, that needs an area of its own: '$(printf 'x%.0s' $(seq 180))
        ln -s ../etc/app.env disk/srv/link
        genisoimage -quiet -R -o out/rock.iso disk
        genisoimage -quiet -J -D -joliet-long -o out/joliet.iso disk 2> /dev/null
        genisoimage -quiet -D -o out/plain.iso disk/etc",
    );
    let scanned = scan(&dir.path().join("out"));
    let long = format!("/srv/a long name, with commas, that needs an area of its own: {}", "x".repeat(180));
    let found = places(&scanned);
    let has = |place: String| assert!(found.contains(&place), "{place}: {found:#?} {:?}", scanned.problems());
    has(format!("/rock.iso → iso9660:{long}:1:1"));
    for name in ["rock", "joliet"] {
        has(format!("/{name}.iso → iso9660:/etc/app.env:3:7"));
        has(format!("/{name}.iso → iso9660:/srv/a.tgz → etc/app.env:3:7"));
        has(format!("/{name}.iso → iso9660:/srv/second.txt:1:1"));
    }
    has("/joliet.iso → iso9660:/a/b/c/d/e/f/g/h/i/deep:1:1".to_owned());
    has("/plain.iso → iso9660:/APP.ENV:3:7".to_owned());
    assert_eq!(found.iter().filter(|place| place.contains("deep")).count(), 2, "{found:#?}");
    assert!(scanned.summary.complete, "{:?}", scanned.problems());
}

/// Held against the kernel's mount where that is allowed: names, sizes and contents.
#[test]
fn files_of_an_iso_are_those_that_are_on_it() {
    let dir = sources();
    sh(
        dir.path(),
        "cp -r /usr/include/linux/netfilter disk/include; chmod 640 disk/etc/app.env
        for number in $(seq 300); do echo $number > disk/srv/n$number; done
        genisoimage -quiet -R -o out/a.iso disk; (cd disk && find . -type f -printf '%P %s %m\\n' | sort) > listed",
    );
    let found = files_of(&dir.path().join("out/a.iso"), &dir.path().join("disk"));
    let listed = fs::read_to_string(dir.path().join("listed")).expect("a list");
    let mut listed: Vec<&str> = listed.lines().collect();
    listed.sort_unstable();
    assert_eq!(found, listed);
}

/// Numbers 26 and 28 for ISO 9660.
#[test]
fn a_damaged_iso_is_no_trouble() {
    use snapsift::source::disk::MemoryDisk;
    use snapsift::source::filesystem::iso;
    let dir = sources();
    sh(dir.path(), "for n in $(seq 100); do echo $n > disk/srv/$n; done; genisoimage -quiet -R -J -o a.iso disk");
    let whole = fs::read(dir.path().join("a.iso")).expect("there");
    let open = |bytes: &[u8]| iso::open(std::sync::Arc::new(MemoryDisk(bytes.into())));
    let met = support::exercise::exercise(&open(&whole).expect("an ISO"));
    assert_eq!(met.errors, 0);
    assert!(met.nodes > 100, "{}", met.nodes);
    let used: Vec<usize> = (32_768..whole.len()).filter(|at| whole[*at] != 0).collect();
    let mut random = 7_u64;
    let mut below = move |end: usize| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(random >> 33).expect("31 bits") % end.max(1)
    };
    for round in 0..100 {
        let mut bytes = whole.clone();
        for _ in 0..=below(12) {
            bytes[used[below(used.len())]] = [0, 0xff, 0x80, 1, 33][below(5)];
        }
        if round % 10 == 0 {
            bytes.truncate(below(whole.len()));
        }
        if let Ok(filesystem) = open(&bytes) {
            support::exercise::exercise(&filesystem);
        }
    }
}

//! The way into objects and arrays. As gjson does, it reads on until it finds, whatever the brackets
//! say, and what does not lead on is passed over: a name that is there twice may lead on the second time.

use super::{
    PropertyError,
    get::get,
    limits::{List, Work, deeper},
    number,
    path::{Name, Next, Place, split_at_pipe},
    query::Query,
    scan::string_end,
    text::{Text, unquoted},
    value::{Kind, Part, Value},
};

/// A search in one document.
pub(super) struct Search<'j, 'p, 'w> {
    json: &'j [u8],
    work: &'w Work,
    /// What was found.
    pub(super) value: Value<'j>,
    /// What of it is wanted.
    pub(super) pipe: Option<&'p [u8]>,
}

/// Where a part of a search ended, and whether it found something.
type Ended = Result<(usize, bool), PropertyError>;

impl<'j, 'p, 'w> Search<'j, 'p, 'w> {
    pub(super) fn new(json: &'j [u8], work: &'w Work) -> Self {
        Self { json, work, value: Value::MISSING, pipe: None }
    }

    /// In the first object or array of the document.
    pub(super) fn document(&mut self, path: &'p [u8], depth: usize) -> Result<(), PropertyError> {
        match self.json.iter().position(|byte| b"{[".contains(byte)) {
            Some(at) => self.container(at, path, depth).map(drop),
            None => Ok(()),
        }
    }

    /// In the lines of the document, as if they were elements.
    pub(super) fn lines(&mut self, path: &'p [u8], depth: usize) -> Result<(), PropertyError> {
        self.array(0, path, deeper(depth)?).map(drop)
    }

    fn container(&mut self, at: usize, path: &'p [u8], depth: usize) -> Ended {
        self.work.spend(path.len())?;
        let depth = deeper(depth)?;
        if self.json[at] == b'{' {
            self.object(at + 1, path, depth)
        } else {
            self.array(at + 1, path, depth)
        }
    }

    /// From behind the bracket of an object.
    fn object(&mut self, mut at: usize, path: &'p [u8], depth: usize) -> Ended {
        let json = self.json;
        let name = Name::read(path);
        self.pipe_to(name.next);
        while at < json.len() {
            let quote_or_end = json[at..].iter().position(|byte| b"\"}".contains(byte));
            let Some(skipped) = quote_or_end else { break };
            at += skipped;
            if json[at] == b'}' {
                return Ok((at + 1, false));
            }
            let Some(end) = string_end(json, at) else { break };
            let is_match = name.fits(unquoted(&json[at..end]).as_slice(), self.work)?;
            let value = (end..json.len()).find_map(|at| Some((at, Kind::at(json, at)?)));
            let Some((start, kind)) = value else { break };
            let is_found;
            (at, is_found) = if is_match {
                self.found(start, kind, name.next, depth)?
            } else {
                (Part::read(json, start, kind).map_or(json.len(), |(_, end)| end), false)
            };
            if is_found {
                return Ok((at, true));
            }
        }
        // The end of the document; one more where that is within a string in brackets.
        Ok((at.max(json.len()), false))
    }

    /// At the value of a name or place that fits.
    fn found(&mut self, start: usize, kind: Kind, next: Next<'p>, depth: usize) -> Ended {
        let is_last = !matches!(next, Next::More(_));
        if let Next::More(path) = next
            && kind.is_container()
        {
            return self.container(start, path, depth);
        }
        let Some((value, end)) = Part::read(self.json, start, kind) else {
            return Ok((self.json.len(), false));
        };
        if is_last {
            self.value = value.value();
        }
        Ok((end, is_last))
    }

    /// From behind the bracket of an array.
    fn array(&mut self, mut at: usize, path: &'p [u8], depth: usize) -> Ended {
        let json = self.json;
        let place = Place::read(path);
        self.pipe_to(place.next);
        let index = if place.is_hash { None } else { number::index(place.name) };
        let mut chosen = List::new(b"[");
        let mut starts = Vec::new();
        let mut count = 0;
        while at <= json.len() {
            if place.each.is_some() {
                starts.push(at);
            }
            let (start, kind) = element(json, at);
            let Some(kind) = kind else {
                let is_found = self.array_end(&place, count, &starts, chosen, depth)?;
                return Ok((start + 1, is_found));
            };
            let is_found;
            if index == Some(count) {
                (at, is_found) = self.found(start, kind, place.next, depth)?;
            } else {
                let Some((value, end)) = Part::read(json, start, kind) else { break };
                at = end;
                is_found = match &place.query {
                    Some(query) => self.queried(query, place.next, value, &mut chosen, depth)?,
                    None => false,
                };
            }
            if is_found {
                return Ok((at, true));
            }
            count += 1;
        }
        Ok((at, false))
    }

    /// What an element gives, if it fits the query. Whether it is the one that is wanted.
    fn queried(
        &mut self,
        query: &Query<'p>,
        next: Next<'p>,
        element: Part<'j>,
        chosen: &mut List,
        depth: usize,
    ) -> Result<bool, PropertyError> {
        let compared = match query.path {
            path if element.kind.is_container() => get(element.raw, path, depth, self.work)?,
            b"" => element.value(),
            _ => return Ok(false),
        };
        if !query.fits(compared.part(), self.work)? {
            return Ok(false);
        }
        let value = match next {
            Next::More(path) => get(element.raw, self.split(path)?, depth, self.work)?,
            Next::Nothing | Next::Pipe(_) => element.value(),
        };
        if !query.is_all {
            self.value = value;
            return Ok(true);
        }
        if value.part().exists() {
            chosen.push(&[value.part().raw]);
        }
        Ok(false)
    }

    /// What is found when an array ends: its length, what was collected, or nothing.
    fn array_end(
        &mut self,
        place: &Place<'p>,
        len: u64,
        starts: &[usize],
        chosen: List,
        depth: usize,
    ) -> Result<bool, PropertyError> {
        if place.name == b"#" {
            self.value = match place.each {
                Some(path) => self.each(path, starts, depth)?,
                None => Value::made(Kind::Number, Text::Owned(len.to_string().into_bytes().into())),
            };
            return Ok(true);
        }
        let is_all = place.query.as_ref().is_some_and(|query| query.is_all);
        if is_all && !self.value.part().exists() {
            self.value = Value::made(Kind::Array, Text::Owned(chosen.finish(b"]")?));
        }
        Ok(false)
    }

    /// What is at a path of each element that has it.
    fn each(
        &mut self,
        path: &'p [u8],
        starts: &[usize],
        depth: usize,
    ) -> Result<Value<'j>, PropertyError> {
        let path = self.split(path)?;
        let mut list = List::new(b"[");
        for start in starts {
            let rest = &self.json[*start..];
            let first = rest.iter().find(|byte| !b" \t\r\n".contains(byte));
            if first.is_none_or(|byte| *byte == b']') {
                continue;
            }
            let Some((element, _)) = Part::next(rest, 0) else { continue };
            let value = get(element.raw, path, depth, self.work)?;
            if value.part().exists() {
                list.push(&[value.part().raw]);
            }
        }
        Ok(Value::made(Kind::Array, Text::Owned(list.finish(b"]")?)))
    }

    /// What is for each element; what is for all goes to the pipe.
    fn split(&mut self, path: &'p [u8]) -> Result<&'p [u8], PropertyError> {
        self.work.spend(path.len())?;
        let Some((each, all)) = split_at_pipe(path) else { return Ok(path) };
        self.pipe = Some(all);
        Ok(each)
    }

    fn pipe_to(&mut self, next: Next<'p>) {
        if let Next::Pipe(path) = next {
            self.pipe = Some(path);
        }
    }
}

/// The next element from a place on, or where the array ends.
fn element(json: &[u8], from: usize) -> (usize, Option<Kind>) {
    for (at, byte) in json.iter().enumerate().skip(from) {
        let kind = Kind::at(json, at);
        if kind.is_some() || *byte == b']' {
            return (at, kind);
        }
    }
    (json.len(), None)
}

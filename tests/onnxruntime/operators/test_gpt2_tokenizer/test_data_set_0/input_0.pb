2hello2 world  hello

 x2I'm 12 don't 日Bi0